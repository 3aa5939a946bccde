"""What is known of an attempt's delivery, read from the store (and the deployment, where asked): for evidence and status."""

from dataclasses import replace

from oneshot_dagster.domain.attempt import Attempt, Fact
from oneshot_dagster.domain.delivery import Criterion, DeliveryFacts, landing, no_verification
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.run import required
from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.services.store.protocol import Store
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.target import target

_A_MOMENT = 1.0


def observe(services: Services, attempt: Attempt) -> Observed | None:
    """What serves now; None where the policy deploys nothing or nothing is merged. What is past the merge counts as it."""
    kind = parse_policy(attempt.policy).deploy.kind
    deploy = services.deploys.get(kind)
    if kind == "none" or deploy is None or attempt.merge_sha is None:
        return None
    aim = target(services, attempt)
    seen = deploy.observe(aim)
    if seen.revision == attempt.merge_sha or not deploy.ready(aim, seen, sha=attempt.merge_sha):
        return seen
    return replace(seen, revision=attempt.merge_sha, detail=f"{seen.revision} serves, which holds it; {seen.detail}")


def observe_twice(services: Services, attempt: Attempt) -> Observed | None:
    """Looked at once more where the merge does not serve, or not ready: one answer may be of the moment before."""
    seen = observe(services, attempt)
    if seen is None or (seen.revision == attempt.merge_sha and seen.ready):
        return seen
    services.clock.sleep(_A_MOMENT)
    return observe(services, attempt)


def delivery_facts(store: Store, attempt: Attempt, observed: Observed | None) -> DeliveryFacts:
    policy, facts = parse_policy(attempt.policy), store.facts.of(attempt.id)
    snapshot = _last(facts, "file_snapshot")
    evaluations = [e for e in store.artifacts.evaluations(attempt.id) if e.reasons.get("error") != "post_deploy_failed"]
    report = store.artifacts.report(attempt.id, kind="verification", sha=attempt.merge_sha or "")
    records = store.artifacts.records(attempt.id)
    merged = _last(facts, "merged")
    return DeliveryFacts(
        head_sha=str(merged.data["head_sha"]) if merged else attempt.head_sha,
        snapshot_sha=snapshot.sha if snapshot else None,
        snapshot_source=str(snapshot.data["source"]) if snapshot else "",
        snapshot_files=int(str(snapshot.data["files"])) if snapshot else 0,
        gate=_gate(facts),
        decision=evaluations[-1].decision if evaluations else None,
        judged_sha=evaluations[-1].sha if evaluations else None,
        merge_sha=attempt.merge_sha,
        merged_by=attempt.merged_by,
        landing=_landing(facts),
        deploy_kind=policy.deploy.kind,
        observed_revision=observed.revision if observed else None,
        ready=observed.ready if observed else False,
        verification=report.verdict if report else None,
        verified_sha=report.sha if report else None,
        unverified=unverified(store, attempt),
        missing_artifacts=tuple(a.value for a in required(attempt.kind) if a.value not in records),
        memories=store.notes.memories_of(attempt.id),
    )


def unverified(store: Store, attempt: Attempt) -> str | None:
    """How the change may end without verification, or None where it has to be verified."""
    policy = parse_policy(attempt.policy)
    ours = any(
        w.action == "merge" and w.outcome == "done" for w in store.writes.of(attempt.key) if w.attempt_id == attempt.id
    )
    return no_verification(
        waived=policy.verify.waived,
        has_suites=bool(policy.verify.suites),
        merged_by=attempt.merged_by,
        by_person=not ours,
    )


def _last(facts: tuple[Fact, ...], kind: str) -> Fact | None:
    return next((fact for fact in reversed(facts) if fact.kind == kind), None)


def _gate(facts: tuple[Fact, ...]) -> Gate | None:
    fact = _last(facts, "gate")
    return Gate(opening=Opening(str(fact.data["opening"])), sha=fact.sha or "", conditions=()) if fact else None


def _landing(facts: tuple[Fact, ...]) -> Criterion | None:
    fact = _last(facts, "landing")
    if fact is None:
        return None
    expected = fact.data.get("expected_tree")
    return landing(str(expected) if expected else None, str(fact.data["landed_tree"]))
