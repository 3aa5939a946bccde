"""What the repository's own commands reach while they run, by purpose, and how a record says what kept them apart."""

from collections.abc import Mapping
from dataclasses import replace

from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.system.sandbox.room import Address, address, address_of


def with_network(turn: Turn, request: SuiteRequest, purpose: Purpose) -> SuiteRequest:
    return replace(request, reach=_reach(turn, purpose), host_network=_is_open(turn, purpose))


def isolation(turn: Turn, purpose: Purpose) -> Isolation:
    return turn.services.suites.isolation(reach=_reach(turn, purpose), host_network=_is_open(turn, purpose))


def told(turn: Turn, *purposes: Purpose) -> dict[str, str]:
    """Two entries of a record's metadata, and of the evidence; each purpose by itself where they differ."""
    found = {purpose: isolation(turn, purpose) for purpose in purposes}
    return {
        "isolation": _said({purpose: one.active for purpose, one in found.items()}),
        "not_enforced": _said({purpose: one.not_enforced for purpose, one in found.items()}),
    }


def _said(texts: Mapping[Purpose, str]) -> str:
    different = set(texts.values())
    return (
        different.pop() if len(different) == 1 else "; ".join(f"{purpose}: {text}" for purpose, text in texts.items())
    )


def _reach(turn: Turn, purpose: Purpose) -> tuple[Address, ...]:
    """What the policy names; for verification the deployed service too."""
    named = tuple(address(one) for one in turn.policy.network.of(purpose))
    url = turn.policy.deploy.url
    return (address_of(url), *named) if purpose is Purpose.VERIFY and url else named


def _is_open(turn: Turn, purpose: Purpose) -> bool:
    return purpose in turn.policy.network.open
