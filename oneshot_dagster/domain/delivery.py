"""Whether a change is delivered: the criteria of the note's section 10, each passed, failed or did not run.
`completed` asks `complete`; status, demo and evidence show the same criteria."""

from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import Gate, Opening

SNAPSHOT, GATE, JUDGE, MERGED, DEPLOYED, VERIFIED, PERSISTED = NAMES = (
    "worktree_snapshot",
    "ci_review_mergeable",
    "judge",
    "merged",
    "deployed",
    "verified",
    "persisted",
)
_WAIVABLE = frozenset({DEPLOYED, VERIFIED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFacts:
    """All of one attempt; None is "there is none". `head_sha` is the head that was merged, or is to be.

    `gate` as last decided before the merge; `landing` what `landing()` said. `observed_revision` and `ready` are asked at
    the moment of sealing. `verification` holds for `verified_sha`. `unverified` is `no_verification()`'s sentence.
    `missing_artifacts` names each artifact of the run that left nothing.
    """

    head_sha: str | None = None
    snapshot_sha: str | None = None
    snapshot_source: str = "worktree"
    snapshot_files: int = 0
    gate: Gate | None = None
    decision: str | None = None
    judged_sha: str | None = None
    merge_sha: str | None = None
    merged_by: str | None = None
    landing: Criterion | None = None
    deploy_kind: str = "none"
    observed_revision: str | None = None
    ready: bool = False
    verification: Verdict | None = None
    verified_sha: str | None = None
    unverified: str | None = None
    missing_artifacts: tuple[str, ...] = ()
    memories: int = 0


def success_criteria(facts: DeliveryFacts) -> tuple[Criterion, ...]:
    """Always all of them, in the note's order."""
    return (
        _snapshot(facts),
        _gate(facts),
        _judge(facts),
        _merged(facts),
        _deployed(facts),
        _verified(facts),
        _persisted(facts),
    )


def complete(criteria: tuple[Criterion, ...], *, waived: str | None = None) -> bool:
    """`waived`: why nobody verifies. Then deployment and verification need not have run; failed stays failed."""
    verdicts = {c.name: c.verdict for c in criteria}
    excused = _WAIVABLE if waived else frozenset[str]()
    return set(verdicts) == set(NAMES) and all(
        verdict is Verdict.PASSED or (verdict is Verdict.DID_NOT_RUN and name in excused)
        for name, verdict in verdicts.items()
    )


def no_verification(*, waived: str | None, has_suites: bool, merged_by: str | None, by_person: bool) -> str | None:
    """How a change may end without verification, or None where it has to be verified. Never called passed."""
    if waived:
        return f"waived ({waived})"
    if not has_suites and by_person and merged_by:
        return f"none (merged by {merged_by})"
    return None


def landing(expected_tree: str | None, landed_tree: str) -> Criterion:
    """What landed against what git makes of base and judged head; `expected_tree` None: git calls that a conflict."""
    if expected_tree is None:
        return _criterion("landing", Verdict.FAILED, f"git finds a conflict where {landed_tree[:7]} landed")
    if expected_tree != landed_tree:
        return _criterion("landing", Verdict.FAILED, f"tree {landed_tree[:7]} landed, expected is {expected_tree[:7]}")
    return _criterion("landing", Verdict.PASSED, f"the landed tree {landed_tree[:7]} is the judged one")


def deployment_verdict(observed_revision: str | None, merge_sha: str, *, ready: bool) -> Criterion:
    """Healthy at another revision is not deployed, and what does not say its revision did not run."""
    if observed_revision is None:
        return _criterion(DEPLOYED, Verdict.DID_NOT_RUN, "nothing answers with a revision")
    if observed_revision != merge_sha:
        return _criterion(DEPLOYED, Verdict.FAILED, f"{observed_revision[:7]} serves, merged is {merge_sha[:7]}")
    if not ready:
        return _criterion(DEPLOYED, Verdict.FAILED, f"{merge_sha[:7]} is there and not ready")
    return _criterion(DEPLOYED, Verdict.PASSED, f"{merge_sha[:7]} serves and is ready")


def _criterion(name: str, verdict: Verdict, detail: str) -> Criterion:
    return Criterion(name=name, verdict=verdict, detail=detail)


def _absent(name: str, detail: str) -> Criterion:
    return _criterion(name, Verdict.DID_NOT_RUN, detail)


def _snapshot(facts: DeliveryFacts) -> Criterion:
    if facts.snapshot_sha is None or facts.head_sha is None:
        return _absent(SNAPSHOT, "there is no file snapshot")
    if facts.snapshot_source != "worktree":
        return _criterion(
            SNAPSHOT, Verdict.FAILED, f"the file list comes from {facts.snapshot_source}, not the worktree"
        )
    if facts.snapshot_sha != facts.head_sha:
        return _other_sha(SNAPSHOT, "the snapshot is of", facts.snapshot_sha, facts.head_sha)
    return _criterion(
        SNAPSHOT, Verdict.PASSED, f"{facts.snapshot_files} files from the worktree at {facts.head_sha[:7]}"
    )


def _gate(facts: DeliveryFacts) -> Criterion:
    gate = facts.gate
    if gate is None or facts.head_sha is None:
        return _absent(GATE, "the gate was never read")
    if gate.sha != facts.head_sha:
        return _other_sha(GATE, "the gate was read at", gate.sha, facts.head_sha)
    if gate.opening in {Opening.PENDING, Opening.DID_NOT_RUN}:
        return _absent(GATE, f"{gate.opening.replace('_', ' ')} at {gate.sha[:7]}: {gate.reason}")
    if gate.opening is not Opening.PASSED:
        return _criterion(GATE, Verdict.FAILED, f"{gate.opening} at {gate.sha[:7]}: {gate.reason}")
    return _criterion(GATE, Verdict.PASSED, f"every condition holds at {gate.sha[:7]}")


def _judge(facts: DeliveryFacts) -> Criterion:
    if facts.decision is None or facts.judged_sha is None or facts.head_sha is None:
        return _absent(JUDGE, "nothing was judged")
    if facts.decision != "pass":
        return _criterion(JUDGE, Verdict.FAILED, f"judged {facts.decision} at {facts.judged_sha[:7]}")
    if facts.judged_sha != facts.head_sha:
        return _other_sha(JUDGE, "judged was", facts.judged_sha, facts.head_sha)
    return _criterion(JUDGE, Verdict.PASSED, f"judged pass at {facts.judged_sha[:7]}")


def _merged(facts: DeliveryFacts) -> Criterion:
    if facts.merge_sha is None:
        return _absent(MERGED, "it is not merged")
    by = f"merged as {facts.merge_sha[:7]} by {facts.merged_by or 'nobody on record'}"
    if facts.landing is None:
        return _absent(MERGED, f"{by}; what landed was not checked")
    return _criterion(MERGED, facts.landing.verdict, f"{by}; {facts.landing.detail}")


def _deployed(facts: DeliveryFacts) -> Criterion:
    if facts.merge_sha is None:
        return _absent(DEPLOYED, "nothing is merged that could be deployed")
    if facts.deploy_kind == "none":
        return _absent(DEPLOYED, "the policy deploys nothing")
    return deployment_verdict(facts.observed_revision, facts.merge_sha, ready=facts.ready)


def _verified(facts: DeliveryFacts) -> Criterion:
    if facts.verification is None or facts.verified_sha is None or facts.merge_sha is None:
        return _absent(VERIFIED, facts.unverified or "no suite ran after the deployment")
    if facts.verified_sha != facts.merge_sha:
        return _other_sha(VERIFIED, "verified was", facts.verified_sha, facts.merge_sha)
    said = facts.verification.value.replace("_", " ")
    what = "the suites" if facts.verification is Verdict.PASSED else "the verification"  # a bake is of it
    return _criterion(VERIFIED, facts.verification, f"{what} {said} at {facts.verified_sha[:7]}")


def _persisted(facts: DeliveryFacts) -> Criterion:
    if facts.missing_artifacts:
        return _criterion(PERSISTED, Verdict.FAILED, f"missing: {', '.join(facts.missing_artifacts)}")
    if facts.memories < 1:
        return _criterion(PERSISTED, Verdict.FAILED, "no memory was kept")
    return _criterion(PERSISTED, Verdict.PASSED, f"every artifact is stored, and what was learned ({facts.memories})")


def _other_sha(name: str, what: str, found: str, expected: str) -> Criterion:
    return _criterion(name, Verdict.FAILED, f"{what} {found[:7]}, which is not {expected[:7]}")
