"""Attempts for the tests of the domain, short to write."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

from oneshot_dagster.domain.attempt import Attempt, Inputs
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, Mode, State

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INPUTS = Inputs(
    base="main",
    head="codex/issue-2",
    prompt="",
    issue_title="Add a discount",
    issue_body="Ten or more get 5 % off.",
    issue_sha256="0" * 64,
    issue_author="ada",
    triggered_by="grace",
)


def attempt(*, inputs: dict[str, str] | None = None, **changes: Any) -> Attempt:
    known = Attempt(
        id="1",
        key=ChangeKey.parse("acme/shop#2"),
        number=1,
        kind=Kind.IMPLEMENT,
        state=State.TESTING,
        mode=Mode.MERGE,
        inputs=dataclasses.replace(INPUTS, **(inputs or {})),
        policy="",
        base_sha="b" * 40,
        head_sha="a" * 40,
        created_at=NOW,
        updated_at=NOW,
    )
    return dataclasses.replace(known, **changes)
