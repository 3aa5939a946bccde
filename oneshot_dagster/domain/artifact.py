"""What a step leaves: the eleven artifacts in the order of the run, and the record of one.
How a record is shown (Dagster, web) is not here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Artifact(StrEnum):
    WORKTREE = "worktree"
    PATCH = "patch"
    LOCAL_TEST_REPORT = "local_test_report"
    PULL_REQUEST = "pull_request"
    FILE_SNAPSHOT = "file_snapshot"
    CHECK_STATE = "check_state"
    EVALUATION = "evaluation"
    MERGE = "merge"
    DEPLOYMENT = "deployment"
    VERIFICATION_REPORT = "verification_report"
    EVIDENCE = "evidence"


class Verdict(StrEnum):
    """Three-valued: what did not run is never passed."""

    PASSED = "passed"
    FAILED = "failed"
    DID_NOT_RUN = "did_not_run"


@dataclass(frozen=True, slots=True)
class Markdown:
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    url: str


Shown = str | int | float | bool | None | Markdown | Link


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One asset check's result; one that did not run is not in the record."""

    name: str
    passed: bool
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What one step left. `what_happened` is one sentence; `shown` is metadata for people."""

    artifact: Artifact
    what_happened: str
    shown: Mapping[str, Shown] = field(default_factory=dict[str, Shown])
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NotMyTurn:
    """The stored state says that this step has nothing to do now; downstream is skipped."""

    artifact: Artifact
    reason: str
