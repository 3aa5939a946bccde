from dataclasses import replace

import pytest

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.delivery import (
    NAMES,
    Criterion,
    DeliveryFacts,
    complete,
    deployment_verdict,
    landing,
    no_verification,
    success_criteria,
)
from oneshot_dagster.domain.gate import Gate, Opening

HEAD, MERGED, OTHER = "a" * 40, "b" * 40, "c" * 40
PASSED, FAILED, DID_NOT_RUN = Verdict.PASSED, Verdict.FAILED, Verdict.DID_NOT_RUN


def gate(opening=Opening.PASSED, sha=HEAD):
    return Gate(opening=opening, sha=sha, conditions=())


WHOLE = DeliveryFacts(
    head_sha=HEAD,
    snapshot_sha=HEAD,
    snapshot_files=3,
    gate=gate(),
    decision="pass",
    judged_sha=HEAD,
    merge_sha=MERGED,
    merged_by="oneshot",
    landing=landing("d" * 40, "d" * 40),
    deploy_kind="command",
    observed_revision=MERGED,
    ready=True,
    verification=PASSED,
    verified_sha=MERGED,
    memories=1,
)


def verdicts(facts):
    return {c.name: c.verdict for c in success_criteria(facts)}


def test_a_delivered_change_passes_every_criterion_in_the_notes_order():
    criteria = success_criteria(WHOLE)
    assert tuple(c.name for c in criteria) == NAMES
    assert {c.verdict for c in criteria} == {PASSED}
    assert complete(criteria)


def test_nothing_done_is_did_not_run_and_never_passed():
    assert set(verdicts(DeliveryFacts()).values()) <= {DID_NOT_RUN, FAILED}
    assert not complete(success_criteria(DeliveryFacts()), waived="why")


BROKEN = [
    ("worktree_snapshot", FAILED, {"snapshot_sha": OTHER}),
    ("worktree_snapshot", FAILED, {"snapshot_source": "github"}),
    ("worktree_snapshot", DID_NOT_RUN, {"snapshot_sha": None}),
    ("ci_review_mergeable", DID_NOT_RUN, {"gate": None}),
    ("ci_review_mergeable", DID_NOT_RUN, {"gate": gate(Opening.PENDING)}),
    ("ci_review_mergeable", DID_NOT_RUN, {"gate": gate(Opening.DID_NOT_RUN)}),
    ("ci_review_mergeable", FAILED, {"gate": gate(sha=OTHER)}),
    *[
        ("ci_review_mergeable", FAILED, {"gate": gate(o)})
        for o in Opening
        if o not in {Opening.PASSED, Opening.PENDING, Opening.DID_NOT_RUN}
    ],
    ("judge", DID_NOT_RUN, {"decision": None}),
    ("judge", FAILED, {"decision": "needs_iteration"}),
    ("judge", FAILED, {"decision": "approved"}),
    ("judge", FAILED, {"judged_sha": OTHER}),
    ("merged", DID_NOT_RUN, {"landing": None}),
    ("merged", FAILED, {"landing": landing("d" * 40, "e" * 40)}),
    ("merged", FAILED, {"landing": landing(None, "e" * 40)}),
    ("deployed", DID_NOT_RUN, {"observed_revision": None}),
    ("deployed", FAILED, {"observed_revision": OTHER}),
    ("deployed", FAILED, {"ready": False}),
    ("deployed", DID_NOT_RUN, {"deploy_kind": "none"}),
    ("verified", DID_NOT_RUN, {"verification": None}),
    ("verified", DID_NOT_RUN, {"verification": DID_NOT_RUN}),
    ("verified", FAILED, {"verification": FAILED}),
    ("verified", FAILED, {"verified_sha": OTHER}),
    ("persisted", FAILED, {"missing_artifacts": ("patch",)}),
    ("persisted", FAILED, {"memories": 0}),
]


@pytest.mark.parametrize(("name", "verdict", "change"), BROKEN)
def test_one_missing_thing_breaks_its_own_criterion_and_completion(name, verdict, change):
    facts = replace(WHOLE, **change)
    found = verdicts(facts)
    assert found.pop(name) is verdict
    assert set(found.values()) == {PASSED}
    assert not complete(success_criteria(facts))


@pytest.mark.parametrize(("name", "verdict", "change"), BROKEN)
def test_a_waiver_excuses_only_a_deployment_or_verification_that_did_not_run(name, verdict, change):
    excused = name in {"deployed", "verified"} and verdict is DID_NOT_RUN
    assert complete(success_criteria(replace(WHOLE, **change)), waived="waived (why)") is excused


def test_nothing_merged_is_not_complete_under_a_waiver():
    facts = replace(WHOLE, merge_sha=None, verification=None)
    assert not complete(success_criteria(facts), waived="waived (why)")


def test_a_left_out_criterion_is_not_complete():
    assert not complete(success_criteria(WHOLE)[1:])
    assert not complete(())
    assert not complete((*success_criteria(WHOLE), Criterion(name="other", verdict=PASSED, detail="")))


def test_verification_that_was_left_out_is_said_and_never_called_passed():
    facts = replace(WHOLE, verification=None, unverified="waived (a library)")
    verified = next(c for c in success_criteria(facts) if c.name == "verified")
    assert (verified.verdict, verified.detail) == (DID_NOT_RUN, "waived (a library)")


@pytest.mark.parametrize(
    ("waived", "has_suites", "by_person", "said"),
    [
        ("a library", False, False, "waived (a library)"),
        ("a library", False, True, "waived (a library)"),
        (None, False, True, "none (merged by ada)"),
        (None, False, False, None),
        (None, True, True, None),
    ],
)
def test_only_a_waiver_or_a_persons_merge_without_suites_ends_unverified(waived, has_suites, by_person, said):
    assert no_verification(waived=waived, has_suites=has_suites, merged_by="ada", by_person=by_person) == said


def test_a_shorter_revision_is_another_revision():
    assert deployment_verdict(MERGED[:12], MERGED, ready=True).verdict is FAILED
