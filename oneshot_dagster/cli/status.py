"""`oneshot status`: one change with its SHAs, artifacts, criteria and outside effects; without a key, all changes."""

from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.changes import print_changes
from oneshot_dagster.cli.opened import opened, typed
from oneshot_dagster.domain.withheld import WITHHELD, in_short

if TYPE_CHECKING:
    from oneshot_dagster.domain.attempt import WriteAction
    from oneshot_dagster.steps.standing import Left, Standing

_SHAS = ("base_sha", "head_sha", "judged_sha", "merge_sha", "deployed_sha")


@click.command()
@click.argument("key", required=False)
@click.option("--attempt", "number", type=click.IntRange(1), help="An earlier attempt; default: the newest.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one object, without KEY a list of them.")
def status(key: str | None, number: int | None, *, as_json: bool) -> None:
    """One change: its SHAs, artifacts and success criteria."""
    from oneshot_dagster.steps.freezing import standing as standing_freezes
    from oneshot_dagster.steps.standing import standing

    with opened() as services:
        if key is None:
            attempts = services.store.runs.newest_of_each_change()
            if as_json:
                show.as_json([described(standing(services, attempt)) for attempt in attempts])
            else:
                for frozen in standing_freezes(services):
                    click.echo(frozen)
                print_changes(attempts, services.store.now())
            return
        found = standing(services, typed(services, key, number))
    if as_json:
        show.as_json(described(found))
    else:
        _print(found)


def described(found: "Standing") -> dict[str, object]:
    """What `--json` prints."""
    attempt = found.attempt
    return {
        "key": str(attempt.key),
        "state": attempt.state.value,
        "attempt": attempt.number,
        "mode": attempt.mode.value,
        "pr_number": attempt.pr_number,
        "pr_url": attempt.pr_url,
        "base_sha": attempt.base_sha,
        "head_sha": attempt.head_sha,
        "judged_sha": attempt.judged_sha,
        "merge_sha": attempt.merge_sha,
        "deployed_sha": attempt.deployed_sha,
        "reason": attempt.reason,
        "frozen": list(found.frozen),
        "success_criteria": {c.name: {"verdict": c.verdict.value, "detail": c.detail} for c in found.criteria},
        "artifacts": {left.artifact.value: _artifact(left) for left in found.artifacts},
        "write_actions": [_write(w) for w in found.write_actions],
    }


def _write(write: "WriteAction") -> dict[str, object]:
    """What was withheld is shown with all that it would have written."""
    entry: dict[str, object] = {"action": write.action, "key": write.key, "outcome": write.outcome}
    return entry | ({"payload": write.payload} if write.outcome == WITHHELD else {})


def _artifact(left: "Left") -> dict[str, object]:
    entry: dict[str, object] = {"materialized": left.at is not None, "at": left.at.isoformat() if left.at else None}
    if left.sha256 is not None:
        entry |= {"sha256": left.sha256, "files": dict(left.files)}
    return entry


def _print(found: "Standing") -> None:
    attempt = found.attempt
    show.pairs(
        [
            ("change", f"{attempt.key}  {attempt.inputs.issue_title}"),
            ("state", attempt.state.value),
            ("why", attempt.reason),
            ("attempt", f"{attempt.number}, {attempt.kind}, mode {attempt.mode}"),
            ("pull request", f"#{attempt.pr_number}  {attempt.pr_url}" if attempt.pr_number else "none yet"),
            *((name.replace("_sha", ""), str(getattr(attempt, name) or "none")) for name in _SHAS),
            *([("verification", found.unverified)] if found.unverified else []),
            *(("frozen", sentence) for sentence in found.frozen),
        ]
    )
    show.heading("success criteria")
    show.table(
        ("criterion", "verdict", "fact"),
        [(c.name.replace("_", " "), show.verdict(c.verdict), c.detail) for c in found.criteria],
    )
    show.heading("artifacts")
    show.table(
        ("artifact", "at (UTC)", "took", "sha256", "what happened"),
        [
            (left.artifact.value, show.moment(left.at), _took(left), (left.sha256 or "")[:12], left.what_happened)
            for left in found.artifacts
        ],
    )
    show.heading("done outside")
    done = [w for w in found.write_actions if w.outcome != WITHHELD]
    show.table(
        ("action", "outcome", "at (UTC)", "key"),
        [(w.action, w.outcome or "open", show.moment(w.settled_at), w.key) for w in done],
    )
    if len(done) < len(found.write_actions):
        show.heading("withheld: nothing is written in mode observe")
        withheld = [w for w in found.write_actions if w.outcome == WITHHELD]
        show.table(
            ("at (UTC)", "what it would have done"), [(show.moment(w.settled_at), in_short(w)) for w in withheld]
        )


def _took(left: "Left") -> str:
    return f"{left.seconds:.1f} s" if left.seconds is not None else ""
