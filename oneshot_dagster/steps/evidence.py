"""The evidence step: memories, the success criteria asked once more of the world, and the sealed chain of facts.
A change is completed here and nowhere else; an attempt that stopped is sealed as it stands."""

from dataclasses import replace

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Artifact, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.delivery import Criterion, complete, success_criteria
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.evidence import Header, Sealed, seal
from oneshot_dagster.domain.run import STOPPED, State, required
from oneshot_dagster.steps.anchor import Bundle, anchor
from oneshot_dagster.steps.delivery import delivery_facts, observe, unverified
from oneshot_dagster.steps.looking import look_patiently
from oneshot_dagster.steps.remembering import remember
from oneshot_dagster.steps.rollback import went_on
from oneshot_dagster.steps.telling import shown_withheld, tell
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import settle_open

FILE = "evidence.jsonl"


def evidence(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state is State.VERIFYING and went_on(turn):
        return NotMyTurn(artifact=Artifact.EVIDENCE, reason=turn.attempt.reason)
    if attempt.state is State.VERIFYING and attempt.verified_sha is None and unverified(turn.store, attempt) is None:
        return NotMyTurn(artifact=Artifact.EVIDENCE, reason="the verification has not passed")
    if attempt.state in STOPPED and attempt.evidence_head is not None:
        return NotMyTurn(artifact=Artifact.EVIDENCE, reason=f"attempt {attempt.number} is {attempt.state} and sealed")
    remember(turn)
    # What was taken back does not serve, and one look says so.
    verifying = attempt.state is State.VERIFYING
    observed = look_patiently(turn) if verifying else observe(turn.services, attempt)
    if observed is not None:
        found = {"revision": observed.revision, "ready": observed.ready, "detail": observed.detail}
        turn.fact("deployment", "observed_at_sealing", found, sha=attempt.merge_sha)
    criteria = success_criteria(delivery_facts(turn.store, attempt, observed))
    waived = unverified(turn.store, attempt)
    turn.fact("engine", "success_criteria", {c.name: {"verdict": c.verdict, "detail": c.detail} for c in criteria})
    if attempt.state is State.VERIFYING:
        return _complete(turn, criteria, waived)
    tell(turn, attempt, forgiven=(NeedsHuman,))  # told already, nothing is written
    bundle = _seal(turn, attempt.state.value)
    anchored = anchor(turn, attempt, bundle, criteria)
    turn.set(evidence_head=bundle.head)
    return _record(turn, criteria, bundle.head, attempt.state.value, anchored)


def _complete(turn: Turn, criteria: tuple[Criterion, ...], waived: str | None) -> Record | NotMyTurn:
    if not complete(criteria, waived=waived):
        lacking = "; ".join(f"{c.name}: {c.detail}" for c in criteria if c.verdict is not Verdict.PASSED)
        turn.move(
            State.NEEDS_HUMAN, f"not complete: {lacking}", human_from=State.VERIFYING, human_reason="not_complete"
        )
        return NotMyTurn(artifact=Artifact.EVIDENCE, reason=turn.attempt.reason)
    said = f", verification: {waived}" if waived else ""
    ended = replace(turn.attempt, state=State.COMPLETED, reason=f"merged, deployed and verified{said}", awaited=None)
    tell(turn, ended, forgiven=(NeedsHuman,))
    bundle = _seal(turn, State.COMPLETED.value)
    anchored = anchor(turn, ended, bundle, criteria, unverified=waived)
    turn.then(State.COMPLETED, ended.reason, evidence_head=bundle.head)
    return _record(turn, criteria, bundle.head, State.COMPLETED.value, anchored)


def _settle(turn: Turn) -> None:
    """What came of an intent, where GitHub says so. Where it refuses to, what stopped is sealed all the same: the intent
    stays open for whoever goes on."""
    try:
        settle_open(turn.services, turn.attempt)
    except NeedsHuman as error:
        if turn.attempt.state not in STOPPED:
            raise
        turn.say(f"what was intended last is not settled: {error}")
        turn.fact("engine", "unsettled", {"why": str(error)})


def _seal(turn: Turn, outcome: str) -> Bundle:
    attempt, store = turn.attempt, turn.store
    _settle(turn)
    newest = {file.name: file for file in store.artifacts.files(attempt.id) if file.name != FILE}
    records = store.artifacts.records(attempt.id)
    files = [Sealed(name=file.name, sha256=file.sha256, size=file.size) for file in newest.values()]
    missing = [
        Sealed(name=artifact.value, sha256=None, size=None, missing=f"the step {artifact} left no record")
        for artifact in required(attempt.kind)
        if artifact.value not in records
    ]
    about = {
        "repository": attempt.key.repository,
        "issue_sha256": attempt.inputs.issue_sha256,
        "mode": attempt.mode,
        "pull_request": attempt.pr_number,
        "base_sha": attempt.base_sha,
        "head_sha": attempt.head_sha,
        "judged_sha": attempt.judged_sha,
        "merge_sha": attempt.merge_sha,
        "merged_by": attempt.merged_by,
        "deployed_sha": attempt.deployed_sha,
    }
    header = Header(change=str(attempt.key), attempt=attempt.number, outcome=outcome, at=store.now(), about=about)
    content, head = seal(header, store.facts.of(attempt.id), [*files, *missing])
    turn.file(FILE, content, "application/jsonl")
    return Bundle(head=head, artifacts=(*files, *missing))


def _record(turn: Turn, criteria: tuple[Criterion, ...], head: str, outcome: str, anchored: tuple[str, ...]) -> Record:
    passed = sum(c.verdict is Verdict.PASSED for c in criteria)
    return Record(
        artifact=Artifact.EVIDENCE,
        what_happened=f"Attempt {turn.attempt.number} ended {outcome}; its evidence is sealed as {head[:12]}.",
        shown={
            "outcome": outcome,
            "criteria": Markdown(messages.criteria_table(criteria)),
            "criteria_passed": passed,
            "criteria_not_passed": len(criteria) - passed,
            "evidence_head": head,
            "judged_sha": turn.attempt.judged_sha or "not judged",
            "merge_sha": turn.attempt.merge_sha or "not merged",
            "deployed_sha": turn.attempt.deployed_sha or "not deployed",
            "facts": len(turn.store.facts.of(turn.attempt.id)),
            "anchored": ", ".join(anchored) or "nowhere: it has no pull request and no deployment",
            **shown_withheld(turn),
        },
    )
