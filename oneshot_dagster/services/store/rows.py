"""Rows of the database as the values of domain.attempt."""

from collections.abc import Mapping
from datetime import datetime

from oneshot_dagster.domain.attempt import Attempt, Awaited, Inputs
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, Mode, State
from oneshot_dagster.services.store.database import Row, plain

# The fields of an attempt that may be set, each the name of its column; `awaited` and `reason` come besides.
SETTABLE = frozenset(
    {
        "mode", "policy", "base_sha", "head_sha", "judged_sha", "merge_sha", "merged_by", "deployed_sha", "verified_sha",
        "pr_number", "pr_url", "ci_status", "next_prompt", "human_from", "human_reason", "agent_resume", "evidence_head",
        "verified_in", "infrastructure_retries", "active_seconds",
    }
)  # fmt: skip


def change_key(row: Row) -> ChangeKey:
    owner, _, name = str(row["repository"]).partition("/")
    return ChangeKey(owner, name, row["issue_number"])


def attempt(row: Row) -> Attempt:
    return Attempt(
        id=str(row["id"]),
        key=change_key(row),
        number=row["attempt"],
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        mode=Mode(row["mode"]),
        inputs=_inputs(row),
        policy=row["policy"],
        base_sha=row["base_sha"],
        head_sha=row["head_sha"],
        judged_sha=row["judged_sha"],
        merge_sha=row["merge_sha"],
        merged_by=row["merged_by"],
        deployed_sha=row["deployed_sha"],
        verified_sha=row["verified_sha"],
        verified_in=row["verified_in"],
        pr_number=row["pr_number"],
        pr_url=row["pr_url"],
        ci_status=row["ci_status"],
        reason=row["reason"],
        next_prompt=row["next_prompt"],
        human_from=State(row["human_from"]) if row["human_from"] else None,
        human_reason=row["human_reason"],
        awaited=_awaited(row),
        agent_resume=row["agent_resume"],
        evidence_head=row["evidence_head"],
        infrastructure_retries=row["infrastructure_retries"],
        active_seconds=row["active_seconds"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
    )


def columns(fields: Mapping[str, object]) -> dict[str, object]:
    """Raises ValueError for a field that does not exist or never changes after intake."""
    named = dict(fields)
    awaited = _awaited_columns(named.pop("awaited")) if "awaited" in named else {}
    unknown = named.keys() - SETTABLE - {"reason"}
    if unknown:
        raise ValueError(f"an attempt has no field to set of the name {', '.join(sorted(unknown))}")
    return {name: plain(value) for name, value in named.items()} | awaited


def _inputs(row: Row) -> Inputs:
    return Inputs(
        base=row["base"],
        head=row["head"],
        prompt=row["prompt"],
        issue_title=row["issue_title"],
        issue_body=row["issue_body"],
        issue_sha256=row["issue_sha256"],
        issue_author=row["issue_author"],
        triggered_by=row["triggered_by"],
    )


def _awaited(row: Row) -> Awaited | None:
    if row["awaited_what"] is None:
        return None
    return Awaited(what=row["awaited_what"], since=row["awaited_since"], deadline=row["awaited_deadline"])


def _awaited_columns(value: object) -> dict[str, object]:
    match value:
        case None:
            return {"awaited_what": None, "awaited_since": None, "awaited_deadline": None}
        case Awaited():
            return {
                "awaited_what": plain(value.what),
                "awaited_since": _moment(value.since),
                "awaited_deadline": _moment(value.deadline),
            }
        case _:
            raise ValueError("an attempt awaits an Awaited or None")


def _moment(value: datetime) -> str:
    return value.isoformat()
