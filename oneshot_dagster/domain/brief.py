"""The needs-human brief: one page with what was asked, what was tried, where it stands and what a person must decide.
The other texts for people are messages.py."""

from collections.abc import Sequence

from oneshot_dagster.domain.attempt import Attempt, StoredEvaluation, WriteAction
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.quoting import cell, cut, fenced, neutral, one_line
from oneshot_dagster.domain.rollback import taken_back_by
from oneshot_dagster.domain.run import BEFORE_MERGE, OBSERVE_ONLY, Kind, State
from oneshot_dagster.domain.tables import stored_rules_table, table
from oneshot_dagster.domain.withheld import would_have_written

_ASKED = 1_200
_REASON = 1_000
_MISSING = 10

_MAY_PROPOSE = (
    'Whether this may be proposed. If so, say mode = "propose" in .oneshot.toml on the base branch, see that ONESHOT_MODE '
    "allows it, and retry (`oneshot run` does the same): this very commit is then proposed."
)

_METHOD = (
    "Which way to merge: allow the policy's in the repository's settings and retry; or stop, change [merge] method on the "
    "base, and start anew."
)
_MISMATCH = (
    "What landed instead of the judged tree, and whether to take it back by hand. Nothing of this repository merges or is "
    "deployed until `oneshot unfreeze --repository OWNER/REPO`; retry after that deploys what landed."
)

_WORTH = (
    "Whether it is worth more than it used up. If so, raise [budget] on the base branch (and the cap in ONESHOT_BUDGET__*) above "
    "that, stop this and start it anew."
)
_SPENT = (_WORTH, ("stop",))
_ACCESS = (
    "What GitHub lets us do: see the reason above, and `oneshot doctor` for this repository; then retry.",
    ("retry", "stop"),
)

_LOST_COMMIT = (
    "Where that commit is: push it again to the branch and retry; or stop this and start it anew.",
    ("retry", "stop"),
)
_TAKEN_BACK = (
    "Whether another attempt is worth it, and what it has to know: base and service are as they were before this one."
)
_TAKEN_BACK_BY_HAND = (
    "Whether the base is right as it stands: somebody took the change back there, and nobody proved what came of it. Once that "
    "serves, resume ends the rollback; until then nothing else merges there."
)
_CONFLICT = (
    "How to take it back: push a commit on top of the base that does to the revert's branch (codex/revert-…), lift the stopped "
    "lane with `oneshot unfreeze --repository OWNER/REPO`, then retry."
)

# What to decide, and the commands that carry the decision out, by the code of why it stopped.
DECIDE: dict[str, tuple[str, tuple[str, ...]]] = {
    "protected_path": ("Whether this commit may change the protected files named above.", ("approve", "retry", "stop")),
    "tests_removed": ("Whether these tests may go.", ("answer", "stop")),
    "tests_unread": ("Whether tests were lost: part of the change could not be read.", ("answer", "stop")),
    "too_large": ("Whether a change of this size is wanted in one piece.", ("answer", "stop")),
    "judge_says_no": ("Whether the model is right: its comment says what it misses.", ("answer", "retry", "stop")),
    "judge_failed": ("Why the judging model gives no answer that can be used; a retry asks it anew.", ("retry", "stop")),
    "judge_unusable": ("What is wrong with the judge's settings (ONESHOT_JUDGE__*); once mended, retry.", ("retry", "stop")),
    "judge_instructions": ("What the policy means: put that file on the base, stop this and start it anew.", ("stop",)),
    "not_seen_whole": ("Whether it is right: the model could not be shown all of it. You may merge it by hand.", ("answer", "stop")),
    "new_tests_did_not_run": ("Whether it may go unproven (merge it by hand), or why tests cannot be run.", ("retry", "answer", "stop")),
    "no_progress": ("What the agent does not see: tell it, or mend it on the branch yourself.", ("answer", "retry", "stop")),
    "undone": ("Whether the change is wanted at all, and what it has to keep.", ("answer", "retry", "stop")),
    "prompt_file": ("What [prompt] file means: put that file on the base, stop this and start it anew.", ("stop",)),
    "patch_outside_repository": ("Whether the agent was led astray; a retry lets it work anew.", ("answer", "retry", "stop")),
    "patch_holds_secret": ("How a key came into the patch; renew it. A retry works anew without it.", ("answer", "retry", "stop")),
    "patch_too_large": ("Whether so much is wanted at once; tell the agent what may go.", ("answer", "retry", "stop")),
    "agent_key_refused": ("Why the model's service refuses the key; once it is mended, retry.", ("retry", "stop")),
    "agent_key_missing": ("Where the key of the model lies (ONESHOT_AGENT__API_KEY_FILE); after that, retry.", ("retry", "stop")),
    "agent_quota_spent": ("Whether the model's service may cost more; after that, retry.", ("retry", "stop")),
    "agent_misconfigured": ("Which model and address are right (ONESHOT_AGENT__*); after that, retry.", ("retry", "stop")),
    "agent_not_installed": ("Where Codex is (ONESHOT_AGENT__COMMAND); after that, retry.", ("retry", "stop")),
    "agent_sandbox_broken": ("Why no sandbox can be made here (`oneshot doctor`); once it is mended, retry.", ("retry", "stop")),
    "tokens_spent": _SPENT,
    "usd_spent": _SPENT,
    "active_time_spent": _SPENT,
    "no_access": _ACCESS,
    "github_refused": _ACCESS,
    "push_refused": _ACCESS,
    "moved": ("Where the repository went: stop this, allow its new name (ONESHOT_REPOSITORIES) and start anew there.", ("stop",)),
    "pull_request_refused": _ACCESS,
    "attempts_spent": ("Whether one more attempt is worth it, and what it has to know.", ("answer", "retry", "stop")),
    "infrastructure_retries_spent": ("What is wrong with the platform; once it is mended, retry.", ("retry", "stop")),
    "ci_timeout": ("Why CI does not report; once it does, retry.", ("retry", "stop")),
    "review_timeout": ("Whether somebody reviews it; after that, retry.", ("retry", "stop")),
    "merge_timeout": ("Whether to merge the pull request, by hand or by lifting what holds it.", ("retry", "stop")),
    "lane_timeout": ("Why the change that is ahead does not end; after that, retry.", ("retry", "stop")),
    "merge_conflict": ("How to resolve the conflict: push the resolution to the branch, then retry.", ("retry", "stop")),
    "merge_refused": ("Why GitHub refuses the merge; after that, retry.", ("retry", "stop")),
    "merge_method": (_METHOD, ("retry", "stop")),
    "base_keeps_moving": ("Why the base moves faster than CI answers; retry brings the branch up to date again.", ("retry", "stop")),
    "landing_timeout": ("Why GitHub neither merges nor refuses: look at its merge queue; after that, retry.", ("retry",)),
    "human_push": ("Whether to go on with what was pushed: look at it, then retry.", ("retry", "stop")),
    "branch_diverged": ("Which of the two heads is right; push it to the branch, then retry.", ("retry", "stop")),
    "pull_request_closed": ("Whether the change is still wanted: reopen the pull request and retry, or stop.", ("retry", "stop")),
    "landing_mismatch": (_MISMATCH, ("retry",)),
    "argocd_refused": ("What Argo CD refuses (its application, the token, the policy); once mended, retry.", ("retry",)),
    "deploy_not_configured": ("How it is deployed: connect this platform with it, then retry.", ("retry",)),
    "older_than_live": ("Which revision is to serve: deploy the base's tip by hand; once it serves, retry.", ("rollback", "retry")),
    "deployment_unknown": ("What is live: nobody could say. Once the deployment can be read, retry.", ("retry",)),
    "rolled_back": (_TAKEN_BACK, ("answer", "retry", "stop")),
    "revert_conflict": (_CONFLICT, ("retry",)),
    "taken_back_already": (_TAKEN_BACK_BY_HAND, ("resume", "retry")),
    "revert_by_hand": ("Whether this commit takes the change back as it should.", ("approve", "retry")),
    "revert_failed": ("What is wrong with the service or with CI; once it is mended, retry.", ("retry",)),
    "post_deploy_failed": ("Whether to take the change back (rollback), or to mend the deployment and retry.", ("rollback", "retry")),
    "observe_only": (_MAY_PROPOSE, ("retry", "stop")),
    "not_complete": ("What is missing, by the reason above: a retry deploys nothing anew, verifies and asks again.", ("retry",)),
    "stopped": ("Nothing more: it was stopped between two attempts. A retry starts the next one after all.", ("retry", "stop")),
    "no_sandbox": ("Why no sandbox works here (`oneshot doctor`), or whether ONESHOT_SANDBOX__* may ask for less.", ("retry", "stop")),
    "base_missing": ("Where the base branch went: put it back and retry, or start the change anew on another.", ("retry", "stop")),
    "no_merge_base": ("What became of the base: it has no commit in common with this head.", ("stop",)),
    "branch_gone": ("Whether the change is still wanted: push its branch again and retry, or stop.", ("retry", "stop")),
    "head_missing": _LOST_COMMIT,
    "commit_missing": _LOST_COMMIT,
    "object_missing": _LOST_COMMIT,
    "blob_damaged": ("Where a backup of that stored file is (ONESHOT_BLOBS__PATH); with it back, retry.", ("retry", "stop")),
    "output_too_large": ("Whether so large a tree or change is wanted: git says more of it than is read.", ("retry", "stop")),
    "too_many_pages": ("Why GitHub lists so much of this (checks, comments); once there is less, retry.", ("retry", "stop")),
    "head_moved_timeout": ("Why GitHub does not bring the branch up to date: do it by hand, then retry.", ("retry", "stop")),
    "deployment_timeout": ("Why the deployment does not come; once it can, retry.", ("retry",)),
    "evidence_not_sealed": ("Why the evidence could not be stored; retry goes on without it.", ("retry", "stop")),
}  # fmt: skip
_ELSE = ("What is missing, and whether to go on.", ("answer", "retry", "stop"))
_MERGED_AND_STANDS = frozenset({State.MERGED, State.DEPLOYING, State.VERIFYING})
_HOW = {
    "approve": "approves exactly this commit",
    "retry": "tries again from where it stopped",
    "resume": "says that the base is right as it stands",
    "rollback": "takes the merged change back: first what serves, then the base",
    "answer": "answers what was asked; the text goes to the next attempt",
    "stop": "ends it; nothing is merged",
}


def needs_human_brief(
    attempt: Attempt,
    *,
    earlier: Sequence[Attempt] = (),
    evaluations: Sequence[StoredEvaluation] = (),
    withheld: Sequence[WriteAction] = (),
    paused: Refused | None = None,
    public_url: str = "",
    comments: bool = False,
) -> str:
    """`earlier` are the change's attempts, this one among them or not; `evaluations` and `withheld` are of this one.

    `comments`: commands in comments are read.
    """
    parts = (
        f"## {attempt.key} needs a person",
        f"**Why:** {_line(attempt.reason or attempt.human_reason or 'no reason is on record', _REASON)}",
        f"### What was asked\n\n{_asked(attempt)}",
        f"### What was tried\n\n{_tried(attempt, earlier)}",
        f"### Where it stands\n\n{_stands(attempt, earlier, evaluations)}",
        *(
            (f"### What was not written, because of mode observe\n\n{would_have_written(withheld)}",)
            if withheld
            else ()
        ),
        f"### What you decide\n\n{_decide(attempt, comments=comments)}",
        *((f"**And:** {_line(paused.found, _REASON)}. {_line(paused.do, _REASON)}.",) if paused else ()),
        f"### Links\n\n{_links(attempt, public_url)}",
    )
    return "\n\n".join(parts) + "\n"


def change_url(public_url: str, attempt: Attempt) -> str:
    """The page of the change on this platform; "" where it has no address for people."""
    return partition_url(public_url, attempt.key)


def partition_url(public_url: str, key: ChangeKey) -> str:
    if not public_url:
        return ""
    partition = str(key).replace("/", "%2F").replace("#", "%23")
    return f"{public_url.rstrip('/')}/assets/evidence?view=partitions&partition={partition}"


def _line(text: str, limit: int) -> str:
    return cell(text, limit)


def _asked(attempt: Attempt) -> str:
    inputs = attempt.inputs
    text = "\n\n".join(filter(None, (inputs.issue_title, inputs.issue_body, inputs.prompt)))
    by = f"Issue #{attempt.key.issue_number} by {_line(inputs.issue_author, 60)}:"
    return f"{by}\n\n{fenced(cut(neutral(text), _ASKED), 'text')}"


def _tried(attempt: Attempt, earlier: Sequence[Attempt]) -> str:
    known = {a.number: a for a in (*earlier, attempt)}
    rows = (
        (
            str(a.number),
            a.state.value.replace("_", " "),
            f"`{a.head_sha[:7]}`" if a.head_sha else "no commit",
            cell(a.reason),
        )
        for _, a in sorted(known.items())
    )
    return table(("attempt", "ended", "head", "why"), rows)


def _stands(attempt: Attempt, earlier: Sequence[Attempt], evaluations: Sequence[StoredEvaluation]) -> str:
    came_from = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    lines = [f"- It stopped in `{came_from or 'unknown'}`; reason code `{attempt.human_reason or 'none'}`."]
    if attempt.merge_sha:
        lines.append(f"- **It is merged** as `{attempt.merge_sha}` by {_line(attempt.merged_by or 'unknown', 60)}.")
    elif came_from in BEFORE_MERGE or came_from is State.NEEDS_ITERATION:
        lines.append("- Nothing is merged.")
    lines.append(f"- Head `{attempt.head_sha or 'none'}`, base `{attempt.base_sha or 'none'}`.")
    broken = taken_back_by(attempt, earlier) if attempt.kind is Kind.REVERT else None
    if broken is not None:
        lines.append(f"- It takes back attempt {broken.number}, merged as `{broken.merge_sha}`.")
    if attempt.deployed_sha:
        lines.append(f"- Deployed is `{attempt.deployed_sha}`.")
    if evaluations:
        last = evaluations[-1]
        lines.append(f"- Last judged `{last.decision}` at `{last.sha[:7]}`.")
        lines += [f"  - {_line(item, 300)}" for item in last.missing_items[:_MISSING]]
        if attempt.human_reason == OBSERVE_ONLY:
            lines += ["", stored_rules_table(last)]
    return "\n".join(lines)


def _decide(attempt: Attempt, *, comments: bool) -> str:
    sentence, words = DECIDE.get(attempt.human_reason or "", _ELSE)
    words = _that_work(attempt, words)
    where = "in a comment here or on a command line" if comments else "on a command line"
    lines = [sentence, "", f"Say it {where}:", ""]
    return "\n".join([*lines, *(_command(attempt, word, comments=comments) for word in words)])


def _that_work(attempt: Attempt, words: tuple[str, ...]) -> tuple[str, ...]:
    """What is merged is past stopping and past the agent, and may be taken back; what takes back is not stopped."""
    came_from = attempt.human_from
    if attempt.kind is Kind.REVERT:
        return tuple(word for word in words if word in {"retry", "approve"}) or ("retry",)
    if came_from not in _MERGED_AND_STANDS:
        return words
    kept = tuple(word for word in words if word not in {"stop", "answer"}) or ("retry",)
    nobody_knows_whose = attempt.human_reason == "landing_mismatch"  # what landed may hold what others made
    return kept if "rollback" in kept or nobody_knows_whose else (*kept, "rollback")


def _command(attempt: Attempt, word: str, *, comments: bool) -> str:
    sha = f" {attempt.head_sha}" if attempt.head_sha else ""
    after = {"answer": " TEXT", "approve": sha}.get(word, "")
    comment = f"`/oneshot {word}{after}` or "
    typed = f"`oneshot {word} {attempt.key}{' TEXT' if word == 'answer' else ''}`"
    how = "ends it; what was merged is taken back already" if word == "stop" and attempt.merge_sha else _HOW[word]
    return f"- {comment if comments else ''}{typed}: {how}"


def _links(attempt: Attempt, public_url: str) -> str:
    pages = [
        ("pull request", attempt.pr_url or ""),
        ("run, checks and evidence", change_url(public_url, attempt)),
    ]
    found = [f"- [{name}]({one_line(url, 500)})" for name, url in pages if url]
    return "\n".join(
        [*found, f"- `oneshot status {attempt.key}`, `oneshot explain {attempt.key}`, `oneshot diff {attempt.key}`"]
    )
