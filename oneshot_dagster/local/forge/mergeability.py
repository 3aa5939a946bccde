"""Whether a pull request may be merged, and GitHub's word for it. Pure: facts in, word out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Review
from oneshot_dagster.local.forge.rules import Demands, Required

_GOOD = frozenset({"success", "skipped", "neutral"})
_WRITERS = frozenset({"admin", "maintain", "write"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One check run or status; `app_id` None: a person's status. `state` is success, failure or pending."""

    context: str
    state: str
    app_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`owners` has, for each changed file with code owners, who they are; `pushed_by` put the head there."""

    draft: bool
    conflict: bool
    known: bool
    behind: bool
    open_threads: int
    reports: Sequence[Report]
    reviews: Sequence[Review]
    permissions: Mapping[str, str]
    pushed_by: str | None = None
    owners: Sequence[frozenset[str]] = ()
    unsigned: bool = False
    merge_commits: bool = False


def state(s: Standing, asked: Demands) -> str:
    """GitHub's `mergeable_state`."""
    if not s.known:
        return "unknown"
    if s.draft:
        return "draft"
    if s.conflict:
        return "dirty"
    if unmet(s, asked):
        return "blocked"
    if asked.strict and s.behind:
        return "behind"
    return "clean" if all(r.state == "success" for r in s.reports) else "unstable"


def unmet(s: Standing, asked: Demands) -> tuple[str, ...]:
    """What is still asked for, each in GitHub's sentence."""
    found = [*_checks(s, asked.required), *_reviews(s, asked)]
    if asked.threads and s.open_threads:
        found.append("All comments must be resolved.")
    if asked.signed and s.unsigned:
        found.append("Commits must have verified signatures.")
    if asked.closed:
        found.append("Cannot update this protected ref.")
    return tuple(found)


def check_report(check: CheckRun, app_id: int) -> Report:
    done = "success" if check.conclusion in _GOOD else "failure"
    return Report(context=check.name, app_id=app_id, state=done if check.status == "completed" else "pending")


def status_report(status: CommitStatus, app_id: int | None) -> Report:
    known = status.state if status.state in {"success", "pending"} else "failure"
    return Report(context=status.context, app_id=app_id, state=known)


def latest_checks(checks: Sequence[CheckRun]) -> list[CheckRun]:
    """The newest of each app and name."""
    newest = {(c.app, c.name): c for c in sorted(checks, key=lambda c: c.id)}
    return sorted(newest.values(), key=lambda c: c.id)


def latest_statuses(statuses: Sequence[CommitStatus]) -> list[CommitStatus]:
    newest = {s.context: s for s in sorted(statuses, key=lambda s: s.id)}
    return sorted(newest.values(), key=lambda s: s.id)


def _checks(s: Standing, required: Sequence[Required]) -> list[str]:
    """One sentence for all of them, as GitHub says it."""
    states = {r: _state_of(s, r) for r in required}
    open_ones = {r: word for r, word in states.items() if word != "success"}
    if not open_ones:
        return []
    words = list(open_ones.values())
    if len(open_ones) == 1:
        [(one, word)] = open_ones.items()
        return [f'Required status check "{one.context}" is {word}.']
    said = f"{len(open_ones)} of {len(states)} required status checks"
    if set(words) == {"expected"}:
        return [f"{said} are expected."]
    counts = [f"{words.count(word)} {word}" for word in ("failing", "pending", "expected") if word in words]
    return [f"{said} have not succeeded: {' and '.join(counts)}."]


def _state_of(s: Standing, required: Required) -> str:
    """A check and a status of one name must both have passed; none is expected for ever."""
    states = {r.state for r in s.reports if r.context == required.context and required.app_id in {None, r.app_id}}
    if "failure" in states:
        return "failing"
    if "pending" in states:
        return "pending"
    return "success" if states else "expected"


def _reviews(s: Standing, asked: Demands) -> list[str]:
    if asked.approvals is None:
        return []
    opinions = _opinions(s)
    approved = {who for who, said in opinions.items() if said == "APPROVED"}
    found: list[str] = []
    if "CHANGES_REQUESTED" in opinions.values():
        found.append("Changes were requested by a reviewer with write access.")
    if len(approved) < asked.approvals:
        count = "review is" if asked.approvals == 1 else "reviews are"
        found.append(f"At least {asked.approvals} approving {count} required by reviewers with write access.")
    if asked.last_push and not approved - {s.pushed_by}:
        found.append("New changes require approval from someone other than the last pusher.")
    if asked.code_owners and not all(owners & approved for owners in s.owners):
        waiting = sorted({o for owners in s.owners if not owners & approved for o in owners})
        found.append(f"Waiting on code owner review from {', '.join(waiting)}.")
    return found


def _opinions(s: Standing) -> dict[str, str]:
    """The last word of each reviewer with write access; a comment is no opinion."""
    said = [r for r in s.reviews if r.state != "COMMENTED" and s.permissions.get(r.author) in _WRITERS]
    return {r.author: r.state for r in sorted(said, key=lambda r: r.id)}
