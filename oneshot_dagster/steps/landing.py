"""After the merge: what landed is what git makes of the base and the judged head, and nothing else; then the branch goes.
Whoever merged, and by whatever method: how it landed is read from git."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from oneshot_dagster.domain.artifact import Artifact, Link, NotMyTurn, Record
from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.git.protocol import Git
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.freezing import stop_lane
from oneshot_dagster.steps.turn import Turn

MISMATCH = "landing_mismatch"
_MOST_COMMITS = 250  # of one landing that are walked: a rebased branch, or a queue's group


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """`commit` landed the change onto `onto`; it is not the merge's own SHA where a queue's group landed as one."""

    commit: str
    onto: str
    expected: str | None
    tree: str
    method: str

    @property
    def matches(self) -> bool:
        return self.expected == self.tree


def landed(turn: Turn, facts: GateFacts, *, merge_sha: str, by: str) -> Record | NotMyTurn:
    attempt, git, repository = turn.attempt, turn.services.git, turn.attempt.key.repository
    git.fetch(repository)
    landing = _landing(turn, facts, merge_sha)
    if landing is None or not landing.matches:
        facts, merge_sha = _read_again(turn, facts, merge_sha)
        landing = find_landing(git, repository, merge_sha, facts.head_sha, queued=facts.merge_queue)
    turn.fact(
        "git",
        "landing",
        {
            "expected_tree": landing.expected,
            "landed_tree": landing.tree,
            "onto": landing.onto,
            "commit": landing.commit,
            "method": landing.method,
            "up_to_date": git.is_ancestor(repository, landing.onto, facts.head_sha),
        },
        sha=merge_sha,
    )
    turn.fact(
        "github", "merged", {"by": by, "judged_sha": attempt.judged_sha, "head_sha": facts.head_sha}, sha=merge_sha
    )
    fields: dict[str, object] = {"merge_sha": merge_sha, "merged_by": by, "awaited": None}
    if not landing.matches:
        return _mismatch(turn, landing, merge_sha, fields)
    turn.then(State.MERGED, f"merged as {merge_sha[:7]} by {by}", **fields)
    return Record(
        artifact=Artifact.MERGE,
        what_happened=f"Pull request #{facts.pr_number} was merged by {by} as {merge_sha[:7]}; the landed tree is the judged one.",
        shown={
            "pull_request": Link(attempt.pr_url or ""),
            "merge_sha": merge_sha,
            "merged_at": f"{turn.store.now():%Y-%m-%d %H:%M:%S} UTC",
            "judged_sha": attempt.judged_sha or "not judged",
            "merged_by": by,
            "method": landing.method,
            "base_before": landing.onto,
            "landed_tree": landing.tree,
            "landing_check": "passed",
            "branch_deleted": _delete_branch(turn, facts.head_sha),
        },
    )


def _landing(turn: Turn, facts: GateFacts, merge_sha: str) -> Landing | None:
    """None where git does not have the head that GitHub names."""
    git, repository = turn.services.git, turn.attempt.key.repository
    _seen_on_base(turn, facts, merge_sha)
    if git.resolve(repository, facts.head_sha) is None:
        return None
    return find_landing(git, repository, merge_sha, facts.head_sha, queued=facts.merge_queue)


def _read_again(turn: Turn, facts: GateFacts, merge_sha: str) -> tuple[GateFacts, str]:
    """An alarm stands on what GitHub says twice: one answer may be old, or name another commit."""
    again = turn.services.github.gate_facts(turn.attempt.key.repository, facts.pr_number)
    if not again.merged or again.merge_sha is None or (again.merge_sha, again.head_sha) == (merge_sha, facts.head_sha):
        return facts, merge_sha
    turn.say(f"GitHub named {merge_sha[:7]} as the merge of {facts.head_sha[:7]}, and names {again.merge_sha[:7]} now")
    _seen_on_base(turn, again, again.merge_sha)
    return again, again.merge_sha


def find_landing(git: Git, repository: str, merge_sha: str, head: str, *, queued: bool) -> Landing:
    """The one that matches, where there is one; else what the merge's SHA is by its looks.

    `queued`: a merge queue's group of several changes may have landed as one.
    """
    line = _first_parents(git, repository, merge_sha, head)
    # What the head held already landed nothing of it, although it may have the tree: a revert's is that of the base before.
    held = merge_sha != head and git.is_ancestor(repository, merge_sha, head)
    readings = [] if held else list(_readings(git, repository, line, head, queued=queued))
    matching = [landing for landing in readings if landing.matches]
    # The last commit of a rebased branch by itself looks like a squash of it: then all of them are what landed.
    rebased = [landing for landing in matching if landing.method == "rebase"]
    tree = git.tree(repository, merge_sha)
    unknown = Landing(commit=merge_sha, onto="", expected=None, tree=tree, method="unknown")
    return next(iter([*rebased[-1:], *matching, *readings]), unknown)


def _readings(git: Git, repository: str, line: list[str], head: str, *, queued: bool) -> Iterator[Landing]:
    """One commit on its parent; the end of a rebased branch; in a group, each commit by itself."""
    merges = len(git.parents(repository, line[0])) > 1
    for place, (commit, onto) in enumerate(pairwise(line)):
        if place == 0:
            yield _reading(git, repository, (commit, onto), head, "merge" if merges else "squash")
        elif not merges and _is_rebased(git, repository, line[: place + 1], head, onto):
            yield _reading(git, repository, (line[0], onto), head, "rebase")
        if place and queued:
            yield _reading(git, repository, (commit, onto), head, "queue")


def _reading(git: Git, repository: str, step: tuple[str, str], head: str, method: str) -> Landing:
    commit, onto = step
    return Landing(
        commit=commit,
        onto=onto,
        expected=git.merge_tree(repository, onto, head),
        tree=git.tree(repository, commit),
        method=method,
    )


def _is_rebased(git: Git, repository: str, landed: list[str], head: str, onto: str) -> bool:
    """Each is a copy of a commit of the branch, in its order: what others landed between is not taken for ours."""
    own = [head]
    while (parents := git.parents(repository, own[-1])) and not git.is_ancestor(repository, parents[0], onto):
        own.append(parents[0])
    words = iter([git.message(repository, commit).strip() for commit in reversed(own)])
    return all(git.message(repository, commit).strip() in words for commit in reversed(landed))


def _first_parents(git: Git, repository: str, merge_sha: str, head: str) -> list[str]:
    """From the merge down to the newest commit that the head held already: nothing of this change landed below it."""
    line = [merge_sha]
    while len(line) <= _MOST_COMMITS:
        parents = git.parents(repository, line[-1])
        if not parents or (len(line) > 1 and git.is_ancestor(repository, line[-1], head)):
            break
        line.append(parents[0])
    return line


def _seen_on_base(turn: Turn, facts: GateFacts, merge_sha: str) -> None:
    """Git may show a merge later than GitHub tells of it. On another base nobody looks for it."""
    git, repository, base = turn.services.git, turn.attempt.key.repository, facts.base_ref
    tip = git.resolve(repository, f"refs/remotes/origin/{base}")
    there = git.resolve(repository, merge_sha) is not None
    if tip is None or not there or not git.is_ancestor(repository, merge_sha, tip):
        raise TryAgain(f"GitHub says that {merge_sha[:7]} was merged, and {base} does not show it yet")


def _mismatch(turn: Turn, landing: Landing, merge_sha: str, fields: dict[str, object]) -> NotMyTurn:
    """The lane is stopped first: a crash after it leaves nobody to deploy this."""
    why = (
        f"what landed as {merge_sha[:7]} is not the judged head merged onto {landing.onto[:7]} "
        f"(tree {landing.tree[:7]}, expected {(landing.expected or 'a conflict')[:10]})"
    )
    stop_lane(turn, why)
    reason = f"{why}; nothing is deployed and the lane of {turn.attempt.key.repository} is stopped"
    turn.move(State.NEEDS_HUMAN, reason, human_from=State.MERGED, human_reason=MISMATCH, **fields)
    return NotMyTurn(artifact=Artifact.MERGE, reason=turn.attempt.reason)


def _delete_branch(turn: Turn, sha: str) -> bool:
    """A branch that stays is no failed merge; a fault of the moment is not to leave it, so it is tried twice."""
    for _ in range(2):
        try:
            return not effects.delete_branch(turn, branch=turn.attempt.inputs.head, sha=sha).get("refused")
        except (TryAgain, NeedsHuman) as error:
            turn.say(f"the branch stays: {error}")
    return False
