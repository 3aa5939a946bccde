"""The policy: what a repository itself says in `.oneshot.toml` about how it wants to be worked on, and what follows from it.
Reading the file from the base commit is services.git; the operator's settings are not here, only how they cap a policy."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from oneshot_dagster.domain import policy_values as read
from oneshot_dagster.domain.budget import Budgets
from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.gate import GateRules
from oneshot_dagster.domain.policy_sections import (
    AgentSection,
    BudgetSection,
    DeploySection,
    GateSection,
    JudgeSection,
    MergeSection,
    NetworkSection,
    Policy,
    PromptSection,
    ProtectSection,
    Purpose,
    TestsSection,
    VerifySection,
)
from oneshot_dagster.domain.run import Mode

FILE = ".oneshot.toml"
_LONGEST = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyMistake:
    line: int
    key: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key} {self.problem}" if self.key else f"line {self.line}: {self.problem}"


class PolicyErrors(OneshotError):
    """Every mistake of one policy file, in the order of its lines."""

    def __init__(self, mistakes: tuple[PolicyMistake, ...]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{FILE} has {count}: " + "; ".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


_Keys = Mapping[str, read.Reader]
_SECTIONS: dict[str, tuple[Callable[..., object], _Keys]] = {
    "agent": (AgentSection, {"setup": read.many(read.text)}),
    "tests": (
        TestsSection,
        {"commands": read.many(read.text), "timeout": read.some_time, "advisory": read.flag},
    ),
    "network": (
        NetworkSection,
        {
            **{purpose.value: read.many(read.host) for purpose in Purpose},
            "open": read.many(read.one_of(*Purpose)),
        },
    ),
    "gate": (
        GateSection,
        {
            "required_checks": read.many(read.text),
            "approvals": read.whole(0),
            "reviewers": read.many(read.text),
            "allow_no_checks": read.flag,
            "ci_wait": read.some_time,
            "review_wait": read.some_time,
        },
    ),
    "judge": (
        JudgeSection,
        {
            "instructions": read.inner_path,
            "allow_no_new_tests": read.flag,
            "on_human_push": read.one_of("continue", "needs_human"),
        },
    ),
    "merge": (MergeSection, {"method": read.one_of("squash", "merge", "rebase"), "up_to_date": read.flag}),
    "deploy": (
        DeploySection,
        {
            "kind": read.one_of("none", "command", "argocd"),
            "start": read.many(read.text),
            "url": read.url,
            "application": read.application,
            "sync": read.flag,
            "trailer": read.trailer,
            "annotation": read.annotation,
            "environment": read.text,
            "timeout": read.some_time,
        },
    ),
    "verify": (
        VerifySection,
        {
            "integration": read.many(read.text),
            "e2e": read.many(read.text),
            "timeout": read.some_time,
            "rerun": read.flag,
            "baseline": read.flag,
            "health": read.many(read.text),
            "bake": read.duration,
            "secrets": read.many(read.variable),
            "on_failure": read.one_of("rollback", "needs_human"),
            "waived": read.text,
        },
    ),
    "protect": (ProtectSection, {"paths": read.many(read.inner_path)}),
    "budget": (
        BudgetSection,
        {"attempts": read.whole(1), "usd": read.money, "tokens": read.whole(1), "active": read.some_time},
    ),
    "prompt": (PromptSection, {"file": read.inner_path, "guidance": read.many(read.inner_path)}),
}
_MODE = read.one_of(*Mode)


def parse_policy(text: str) -> Policy:
    """Raises PolicyErrors with all mistakes at once."""
    document = _document(text)
    values, wrong = _values(document)
    policy = _policy(values)
    seen = {key for key, _ in wrong}
    wrong += [(key, problem) for key, problem in _contradictions(policy) if key not in seen]
    if wrong:
        raise PolicyErrors(_placed(text, wrong))
    return policy


def _document(text: str) -> dict[str, object]:
    if len(text) > _LONGEST:
        raise PolicyErrors((PolicyMistake(line=1, key="", problem=f"is longer than {_LONGEST} characters"),))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        at = re.search(r"\(at line (\d+)", str(error))
        line = int(at[1]) if at else len(text.splitlines()) or 1
        raise PolicyErrors((PolicyMistake(line=line, key="", problem=f"is not TOML: {str(error)[:200]}"),)) from None


_Wrong = tuple[str, str]  # dotted key, problem


def _values(document: Mapping[str, object]) -> tuple[dict[str, object], list[_Wrong]]:
    """The values of `mode` and of each section that is written, and all mistakes."""
    values: dict[str, object] = {}
    wrong: list[_Wrong] = []
    for name, found in document.items():
        if name == "mode":
            values |= _good("mode", _MODE(found), "mode", wrong)
        elif name not in _SECTIONS:
            wrong.append((name, f"is not known; known are mode, {', '.join(_SECTIONS)}"))
        elif not isinstance(found, dict):
            wrong.append((name, f"must be a section [{name}]"))
        else:
            values[name] = _section(name, cast("dict[str, object]", found), wrong)
    return values, wrong


def _section(name: str, found: Mapping[str, object], wrong: list[_Wrong]) -> dict[str, object]:
    keys = _SECTIONS[name][1]
    values: dict[str, object] = {}
    for key, value in found.items():
        if reader := keys.get(key):
            values |= _good(key, reader(value), f"{name}.{key}", wrong)
        else:
            wrong.append((f"{name}.{key}", f"is not known; [{name}] knows {', '.join(keys)}"))
    return values


def _good(key: str, value: object, dotted: str, wrong: list[_Wrong]) -> dict[str, object]:
    """The key with its value, or nothing and a mistake more."""
    if isinstance(value, read.Problem):
        wrong.append((dotted, value.words))
        return {}
    return {key: value}


def _policy(values: Mapping[str, object]) -> Policy:
    made: dict[str, Any] = {name: _made(name, found) for name, found in values.items() if name in _SECTIONS}
    return Policy(mode=Mode(str(values.get("mode", Mode.PROPOSE))), **made)


def _made(name: str, found: object) -> object:
    stated = {"stated": True} if name == "deploy" else {}
    return _SECTIONS[name][0](**cast("dict[str, Any]", found), **stated)


def _contradictions(policy: Policy) -> Iterator[_Wrong]:
    """What is wrong between keys that are each right."""
    deploy, verify = policy.deploy, policy.verify
    if deploy.kind == "command" and not deploy.start:
        yield "deploy.start", 'is missing: kind = "command" needs the lines that start a revision'
    if deploy.kind == "command" and deploy.url is None:
        yield "deploy.url", 'is missing: kind = "command" needs the address of the service'
    if deploy.kind == "argocd" and deploy.application is None:
        yield "deploy.application", 'is missing: kind = "argocd" needs the name of the application'
    if deploy.kind == "argocd" and verify.suites and deploy.url is None:
        yield "deploy.url", "is missing: the suites need the address of the service"
    if deploy.trailer is not None and deploy.annotation is not None:
        yield "deploy.annotation", "cannot stand beside trailer: take one of them away"
    if verify.waived is not None and verify.suites:
        yield "verify.waived", "cannot stand beside integration or e2e suites: take one of them away"


def _placed(text: str, wrong: list[_Wrong]) -> tuple[PolicyMistake, ...]:
    lines = read.lines_of(text)
    found = [
        PolicyMistake(line=lines.get(key) or lines.get(key.split(".")[0], 1), key=key, problem=problem)
        for key, problem in wrong
    ]
    return tuple(sorted(found, key=lambda mistake: (mistake.line, mistake.key)))


def gate_rules(policy: Policy) -> GateRules:
    return GateRules(
        required_checks=policy.gate.required_checks,
        approvals=policy.gate.approvals,
        reviewers=policy.gate.reviewers,
        allow_no_checks=policy.gate.allow_no_checks,
        tests_advisory=policy.tests.advisory,
    )


_TRUST = tuple(Mode)  # from least to most


def effective_mode(policy: Policy, cap: Mode) -> tuple[Mode, str]:
    """The mode that holds, and which of `policy`, `settings_cap` and `no_verification_policy` decided it."""
    mode, reason = policy.mode, "policy"
    if mode is Mode.MERGE and not is_verified_somehow(policy):
        mode, reason = Mode.PROPOSE, "no_verification_policy"
    if _TRUST.index(cap) < _TRUST.index(mode):
        return cap, "settings_cap"
    return mode, reason


def least(*modes: Mode) -> Mode:
    """The one that trusts us least."""
    return min(modes, key=_TRUST.index)


def is_verified_somehow(policy: Policy) -> bool:
    """Nothing merges that nobody verifies: suites after a stated deployment, or a reason why not."""
    return policy.verify.waived is not None or (policy.deploy.stated and bool(policy.verify.suites))


def budgets(policy: Policy, caps: Budgets) -> Budgets:
    """What the policy asks for, and never more than the operator's caps."""
    asked, gate = policy.budget, policy.gate
    wanted = Budgets(
        attempts=asked.attempts,
        usd=asked.usd,
        tokens=asked.tokens,
        active=asked.active,
        ci_wait=gate.ci_wait,
        review_wait=gate.review_wait,
    )
    return wanted.capped_by(caps)
