"""How an attempt stands, read from the store: its success criteria, what each step left, what was done outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from oneshot_dagster.domain.artifact import Artifact, Verdict
from oneshot_dagster.domain.attempt import Attempt, WriteAction
from oneshot_dagster.domain.delivery import NAMES, Criterion, success_criteria
from oneshot_dagster.steps import freezing
from oneshot_dagster.steps.delivery import delivery_facts, observe, unverified
from oneshot_dagster.steps.services import Services

_MAIN_FILE = {Artifact.PATCH: "implementation-patch"}  # where a step leaves several


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a step left: `files` by name with their sha256, `sha256` of the main one; `at` None where it left nothing."""

    artifact: Artifact
    at: datetime | None = None
    seconds: float | None = None
    what_happened: str = ""
    sha256: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`unverified` says how verification was left out, None where it was not; `frozen` what holds merges there, a sentence each."""

    attempt: Attempt
    criteria: tuple[Criterion, ...]
    artifacts: tuple[Left, ...]
    write_actions: tuple[WriteAction, ...]
    unverified: str | None
    frozen: tuple[str, ...] = ()


def standing(services: Services, attempt: Attempt) -> Standing:
    writes = services.store.writes.of(attempt.key)
    return Standing(
        attempt=attempt,
        criteria=_sealed(services, attempt) or _as_of_now(services, attempt),
        artifacts=_artifacts(services, attempt),
        write_actions=tuple(write for write in writes if write.attempt_id == attempt.id),
        unverified=unverified(services.store, attempt),
        frozen=tuple(freezing.standing(services, attempt.key.repository)),
    )


def _sealed(services: Services, attempt: Attempt) -> tuple[Criterion, ...]:
    """As the evidence has them: what serves today says nothing about an attempt that ended."""
    if attempt.evidence_head is None:
        return ()
    facts = [fact for fact in services.store.facts.of(attempt.id) if fact.kind == "success_criteria"]
    found = cast("dict[str, dict[str, str]]", facts[-1].data if facts else {})
    return tuple(
        Criterion(name=name, verdict=Verdict(found[name]["verdict"]), detail=found[name]["detail"])
        for name in NAMES
        if name in found
    )


def _as_of_now(services: Services, attempt: Attempt) -> tuple[Criterion, ...]:
    return success_criteria(delivery_facts(services.store, attempt, observe(services, attempt)))


def _artifacts(services: Services, attempt: Attempt) -> tuple[Left, ...]:
    records = services.store.artifacts.records(attempt.id)
    files: dict[str, dict[str, str]] = {}
    for file in services.store.artifacts.files(attempt.id):
        files.setdefault(file.artifact, {})[file.name] = file.sha256
    left: list[Left] = []
    for artifact in Artifact:
        record, own = records.get(artifact), files.get(artifact, {})
        left.append(
            Left(
                artifact=artifact,
                at=record.at if record else None,
                seconds=record.seconds if record else None,
                what_happened=record.record.what_happened if record else "",
                sha256=_main(artifact, own),
                files=own,
            )
        )
    return tuple(left)


def _main(artifact: Artifact, files: Mapping[str, str]) -> str | None:
    name = _MAIN_FILE.get(artifact) or next(iter(files), "")
    return files.get(name)
