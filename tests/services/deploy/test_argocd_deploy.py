"""Deployment by Argo CD: the real client against the stand-in over HTTP, with each of its traps."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from argo_world import Argo, Repository, running

from oneshot_dagster.domain.errors import LeaseLost, NeedsHuman, TryAgain
from oneshot_dagster.services.deploy.argocd import ArgoDeploy

NOBODY = "e" * 40


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[Argo]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def old(argo: Argo) -> str:
    """A first revision, deployed."""
    sha = argo.shop.commit("first")
    argo.put()
    assert argo.until_ready(sha).revision == sha
    return sha


def test_what_is_merged_is_deployed_once_argo_cd_has_it_in_sync_and_healthy(argo: Argo, old: str) -> None:
    new = argo.shop.commit("second")
    argo.start(new)
    seen = argo.until_ready(new)
    assert (seen.revision, seen.ready, seen.broken) == (new, True, None)
    assert old != new
    assert not any(call.startswith("POST") for call in argo.calls)  # it syncs by itself and was not asked to


def test_healthy_at_the_old_revision_right_after_the_merge_is_not_deployed(argo: Argo, old: str) -> None:
    argo.trap(asleep=True)
    new = argo.shop.commit("second")
    seen = argo.deploy.observe(argo.target)
    assert (seen.revision, seen.ready, seen.settling) == (old, True, False)
    assert not argo.deploy.ready(argo.target, seen, sha=new)
    assert not argo.deploy.failed(argo.target, seen, sha=new)


def test_a_start_has_argo_cd_look_at_git(argo: Argo, old: str) -> None:
    argo.trap(asleep=True)
    new = argo.shop.commit("second")
    argo.start(new)
    argo.trap(asleep=False)
    assert argo.until_ready(new).ready
    assert any("refresh=normal" in call for call in argo.calls)


def test_a_descendant_that_holds_the_merge_is_deployed_too(argo: Argo, old: str) -> None:
    merge = argo.shop.commit("ours")
    later = argo.shop.commit("somebody's on top")
    seen = argo.until_ready(later)
    assert argo.deploy.ready(argo.target, seen, sha=merge)
    assert not argo.deploy.ready(argo.target, seen, sha=NOBODY)


def test_synced_and_then_degraded_is_broken(argo: Argo, old: str) -> None:
    argo.trap(then="Degraded", then_after=1.0)
    new = argo.shop.commit("second")
    assert argo.until_ready(new).ready
    seen = argo.until("Degraded")
    assert not argo.deploy.ready(argo.target, seen, sha=new)
    assert argo.deploy.failed(argo.target, seen, sha=new)
    assert not argo.deploy.failed(argo.target, seen, sha=NOBODY)
    assert not seen.settling


def test_degraded_for_a_moment_is_not_yet_broken(argo: Argo, old: str) -> None:
    argo.trap(health="Degraded")
    new = argo.shop.commit("second")
    patient = ArgoDeploy(api=argo.deploy.api, degraded_for=3600.0)
    argo.until(f"Synced and Degraded, {new[:10]} runs")
    seen = patient.observe(argo.target)
    assert "Degraded" in seen.detail
    assert (seen.ready, seen.broken, seen.settling) == (False, None, True)


def test_out_of_sync_for_ever_is_neither_ready_nor_broken(argo: Argo, old: str) -> None:
    argo.trap(drifts=True)
    new = argo.shop.commit("second")
    seen = argo.until(f"OutOfSync and Healthy, {new[:10]} runs")
    assert seen.revision == new
    assert not argo.deploy.ready(argo.target, seen, sha=new)
    assert not argo.deploy.failed(argo.target, seen, sha=new)


def test_progressing_for_ever_is_neither_ready_nor_broken(argo: Argo, old: str) -> None:
    argo.trap(health="Progressing")
    new = argo.shop.commit("second")
    seen = argo.until(f"Synced and Progressing, {new[:10]} runs")
    assert (seen.revision, seen.ready, seen.broken, seen.settling) == (new, False, None, True)


def test_during_a_sync_what_serves_is_not_said_to_be_the_earlier_revision_alone(argo: Argo, old: str) -> None:
    argo.put(sync_takes=3.0)
    argo.shop.commit("second")
    argo.until("is Running", seconds=5.0)
    seen = argo.deploy.observe(argo.target)
    assert (seen.revision, seen.ready, seen.settling) == (old, False, True)


def test_a_failed_operation_breaks_the_revision_that_it_went_for(argo: Argo, old: str) -> None:
    argo.trap(sync_fails=True)
    new = argo.shop.commit("second")
    seen = argo.until("last operation is Failed")
    assert (seen.revision, seen.ready, seen.broken) == (old, False, new)
    assert "one or more objects failed to apply" in seen.detail


def test_a_sync_is_asked_for_where_the_policy_wants_it(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    assert argo.start(new, aim).asked
    assert argo.until_ready(new, aim).revision == new


def test_without_that_nothing_is_asked_for(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new = argo.shop.commit("second")
    seen = argo.start(new)
    assert (seen.revision, seen.asked) == (old, True)
    assert not any(call.startswith("POST") for call in argo.calls)


def test_what_serves_already_is_not_synced_again(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    assert argo.start(old, argo.aim(sync=True)).ready
    assert not any(call.startswith("POST") for call in argo.calls)


def test_exactly_the_merge_is_synced_and_not_what_lies_on_top_of_it(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    merge = argo.shop.commit("ours")
    argo.shop.commit("somebody's on top")
    argo.start(merge, argo.aim(sync=True))
    seen = argo.until_ready(merge, argo.aim(sync=True))
    assert (seen.revision, seen.ready) == (merge, True)
    assert "OutOfSync" in seen.detail


def test_a_closed_sync_window_puts_the_start_off(argo: Argo, old: str) -> None:
    argo.put(automated=False, traps={"window": True})
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    seen = argo.start(new, aim)
    assert (seen.asked, seen.revision, seen.broken) == (False, old, None)
    assert "sync window" in seen.detail
    argo.trap(window=False)
    assert argo.start(new, aim).asked
    assert argo.until_ready(new, aim).ready


def test_an_operation_under_way_puts_the_start_off(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    first, second, aim = argo.shop.commit("second"), argo.shop.commit("third"), argo.aim(sync=True)
    argo.start(first, aim)
    seen = argo.start(second, aim)
    assert seen.asked or "already in progress" in seen.detail
    assert seen.broken is None


def test_a_sync_with_a_lost_lane_asks_for_nothing(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new = argo.shop.commit("second")
    with pytest.raises(LeaseLost):
        argo.start(new, argo.aim(sync=True), ours=False)
    assert not any(call.startswith("POST") for call in argo.calls)


def test_a_sync_whose_answer_was_lost_is_not_asked_for_twice(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.fault("POST .*/sync", "cut")
    assert not argo.start(new, aim).asked
    assert argo.start(new, aim).asked
    assert argo.until_ready(new, aim).revision == new
    assert len([call for call in argo.calls if call.startswith("POST")]) == 1


def test_a_sync_that_failed_is_asked_for_again(argo: Argo, old: str) -> None:
    argo.put(automated=False, traps={"sync_fails": True})
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.start(new, aim)
    assert argo.until("last operation is Failed", aim).broken == new
    argo.trap(sync_fails=False)
    argo.start(new, aim)
    assert argo.until_ready(new, aim).revision == new


def test_a_missing_application_needs_a_person(argo: Argo, old: str) -> None:
    with pytest.raises(NeedsHuman, match="permission denied") as caught:
        argo.start(old, argo.aim(application="shoop"))
    assert caught.value.reason == "argocd_refused"
    seen = argo.deploy.observe(argo.aim(application="shoop"))
    assert (seen.revision, seen.ready, seen.broken) == (None, False, None)


def test_of_several_applications_of_one_name_the_named_one_counts(argo: Argo, old: str) -> None:
    argo.put(namespace="team", traps={"sync_fails": True})
    ours, theirs = argo.aim(application="argocd/shop"), argo.aim(application="team/shop")
    assert argo.until_ready(old, ours).ready
    assert argo.until("Failed", theirs).broken == old


def test_an_application_of_another_repository_says_what_to_do(argo: Argo, old: str) -> None:
    seen = argo.deploy.observe(argo.aim(repository="acme/other"))
    assert (seen.revision, seen.broken) == (None, None)
    assert "trailer or annotation" in seen.detail


def gitops(argo: Argo) -> Repository:
    repository = Repository(argo.root, "acme/deployments")
    repository.commit("the beginning")
    argo.put(repo_url=repository.url)
    return repository


def test_of_image_bumps_the_trailer_names_our_commit(argo: Argo) -> None:
    first, second = argo.shop.commit("first"), argo.shop.commit("second")
    bumps, aim = gitops(argo), argo.aim(trailer="Source-Commit")
    untold = argo.until("no commit that we know runs", aim)
    assert (untold.revision, untold.known) == (None, False)
    bump = bumps.commit(f"Bump shop\n\nSource-Commit: acme/shop@{first}")
    assert argo.until_ready(first, aim).revision == first
    assert not argo.deploy.ready(aim, argo.deploy.observe(aim), sha=second)
    bumps.commit(f"Bump shop\n\nsource-commit: {second}")
    assert argo.until_ready(second, aim).revision == second
    assert bump != second


def test_another_bump_on_top_does_not_hide_ours(argo: Argo) -> None:
    sha = argo.shop.commit("first")
    bumps, aim = gitops(argo), argo.aim(trailer="Source-Commit")
    bumps.commit(f"Bump shop\n\nSource-Commit: {sha}")
    assert argo.until_ready(sha, aim).ready
    other = bumps.commit(f"Bump another\n\nSource-Commit: acme/another@{NOBODY}")
    assert argo.until(f"{sha[:10]} runs", aim).revision == sha
    assert len(other) == 40


def test_a_bump_that_carries_ours_is_synced_and_not_before(argo: Argo) -> None:
    sha = argo.shop.commit("first")
    bumps = gitops(argo)
    argo.put(repo_url=bumps.url, automated=False)
    aim = argo.aim(trailer="Source-Commit", sync=True)
    early = argo.start(sha, aim)
    assert not early.asked
    assert "no commit that shop follows carries" in early.detail
    bumps.commit(f"Bump shop\n\nSource-Commit: {sha}")
    assert argo.until_asked(sha, aim).asked
    assert argo.until_ready(sha, aim).revision == sha


def test_of_image_bumps_an_annotation_of_what_runs_names_our_commit(argo: Argo) -> None:
    first, second = argo.shop.commit("first"), argo.shop.commit("second")
    bumps, aim = gitops(argo), argo.aim(annotation="example.com/source")
    manifest = (
        '{"kind": "Deployment", "spec": {"template": {"metadata": {"annotations": {"example.com/source": "%s"}}}}}'
    )
    bumps.commit("Bump shop", deployment__json=manifest % first)
    assert argo.until_ready(first, aim).revision == first
    argo.put(repo_url=bumps.url, automated=False)
    bumps.commit("Bump shop", deployment__json=manifest % second)
    seen = argo.until("OutOfSync", aim)
    assert (seen.revision, argo.deploy.ready(aim, seen, sha=second)) == (first, False)


def test_an_earlier_revision_is_brought_back_by_the_history(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.start(new, aim)
    argo.until_ready(new, aim)
    assert argo.deploy.no_undo(aim, sha=old) is None
    seen = argo.deploy.undo(aim, sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    assert (seen.revision, seen.ready) == (old, True)
    assert not argo.deploy.ready(aim, seen, sha=new)


def test_what_was_asked_to_come_back_by_who_did_not_hear_the_answer_is_waited_for_and_not_asked_again(
    argo: Argo, old: str
) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.start(new, aim)
    argo.until_ready(new, aim)
    argo.fault("/rollback$", "cut")
    with pytest.raises(TryAgain):
        argo.deploy.undo(aim, sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    seen = argo.deploy.undo(aim, sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    assert (seen.revision, seen.ready) == (old, True)
    assert sum("rollback" in call for call in argo.calls) == 1


def test_what_syncs_by_itself_cannot_be_brought_back(argo: Argo, old: str) -> None:
    new = argo.shop.commit("second")
    argo.until_ready(new)
    assert "syncs by itself" in str(argo.deploy.no_undo(argo.target, sha=old))
    seen = argo.deploy.undo(argo.target, sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    assert (seen.revision, seen.broken) == (new, old)
    assert not any(call.startswith("POST") for call in argo.calls)


def test_what_the_history_does_not_have_cannot_be_brought_back(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    assert "has no" in str(argo.deploy.no_undo(argo.target, sha=NOBODY))


def test_an_argo_cd_that_answers_502_once_still_brings_back_what_was_verified(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.start(new, aim)
    argo.until_ready(new, aim)
    argo.fault("GET /api/v1/applications/shop", "502", times=1)
    assert argo.deploy.no_undo(aim, sha=old) is None
    assert argo.deploy.undo(aim, sha=old, lane_is_ours=lambda: True, say=lambda _: None).revision == old


def test_nothing_is_brought_back_with_a_lost_lane(argo: Argo, old: str) -> None:
    argo.put(automated=False)
    new, aim = argo.shop.commit("second"), argo.aim(sync=True)
    argo.start(new, aim)
    argo.until_ready(new, aim)
    with pytest.raises(LeaseLost):
        argo.deploy.undo(aim, sha=old, lane_is_ours=lambda: False, say=lambda _: None)
    assert argo.deploy.observe(aim).revision == new


@pytest.mark.parametrize("kind", ["cut", "wrong", "shape", "502", "429", "slow"])
def test_an_answer_that_is_none_is_looked_for_again(argo: Argo, old: str, kind: str) -> None:
    argo.fault("GET /api/v1/applications/shop", kind)
    quick = ArgoDeploy(api=replace(argo.deploy.api, timeout=0.5))
    seen = quick.observe(argo.target)
    assert (seen.revision, seen.ready, seen.broken) == (None, False, None)
    assert seen.detail


def test_an_argo_cd_that_is_away_is_looked_for_again(argo: Argo, old: str) -> None:
    away = ArgoDeploy(api=replace(argo.deploy.api, url="http://127.0.0.1:9"))
    seen = away.observe(argo.target)
    assert (seen.revision, seen.ready, seen.broken) == (None, False, None)
    begun = away.start(argo.aim(sync=True), sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    assert (begun.asked, begun.revision) == (False, None)


def test_a_token_that_is_nobodys_needs_a_person_and_is_not_said(argo: Argo, old: str) -> None:
    wrong = ArgoDeploy(api=replace(argo.deploy.api, token=lambda: "another-secret"))
    with pytest.raises(NeedsHuman, match="no session information") as caught:
        wrong.start(argo.target, sha=old, lane_is_ours=lambda: True, say=lambda _: None)
    assert "another-secret" not in str(caught.value)


def test_a_token_with_a_line_end_is_refused_unsaid(argo: Argo, old: str) -> None:
    wrong = ArgoDeploy(api=replace(argo.deploy.api, token=lambda: "two\nlines"))
    seen = wrong.observe(argo.target)
    assert "ONESHOT_ARGOCD__TOKEN" in seen.detail
    assert "lines" not in seen.detail.replace("line ends", "")
