"""Pull requests from opening to merge, over real git."""

import pytest
from forge_world import SHOP, Clone, planted

from oneshot_dagster.local.forge.client import ForgeError


@pytest.fixture
def opened(forge, shop):
    """An open pull request with a green check; its number and head."""
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices", body="Closes #99")["number"]
    forge.wait_checks(head)
    return number, head


def test_a_green_pull_request_is_clean_and_merges_at_its_head(forge, shop, opened):
    number, head = opened
    pull = forge.ada.pull(SHOP, number)
    assert (pull["head"]["sha"], pull["mergeable"], pull["mergeable_state"]) == (head, True, "clean")
    landed = forge.ada.merge_as_person(SHOP, number, sha=head)
    merged = forge.ada.pull(SHOP, number)
    assert (merged["merged"], merged["state"], merged["merged_by"]["login"]) == (True, "closed", "ada")
    assert forge.ada.branch_sha(SHOP, "main") == landed


def test_a_stale_sha_is_refused(forge, shop, opened):
    number, head = opened
    shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    with pytest.raises(ForgeError) as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 409


def test_a_second_merge_is_refused(forge, opened):
    number, head = opened
    forge.ada.merge_as_person(SHOP, number, sha=head)
    with pytest.raises(ForgeError, match="Pull Request is not mergeable") as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 405


def state(forge, number):
    return forge.ada.pull(SHOP, number)["mergeable_state"]


def status(forge, sha, context, word):
    forge.oneshot.api("POST", SHOP, f"/statuses/{sha}", {"context": context, "state": word})


def test_no_second_pull_request_and_none_without_commits(forge, shop, opened):
    with pytest.raises(ForgeError, match="A pull request already exists for acme:feature"):
        forge.oneshot.create_pull(SHOP, head="feature", base="main", title="again")
    shop.branch("same")
    shop.push("same")
    with pytest.raises(ForgeError, match="No commits between main and same"):
        forge.oneshot.create_pull(SHOP, head="same", base="main", title="empty")
    with pytest.raises(ForgeError) as missing:
        forge.oneshot.create_pull(SHOP, head="none", base="main", title="none")
    assert missing.value.status == 422


def test_the_head_is_live(forge, shop, opened):
    number, head = opened
    moved = shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    assert forge.ada.pull(SHOP, number)["head"]["sha"] == moved != head
    assert [p["head"]["sha"] for p in forge.ada.pulls(SHOP)] == [moved]


def test_a_required_check_that_never_reported_blocks(forge, opened):
    number, head = opened
    forge.ada.set_protection(SHOP, "main", contexts=["ci", "audit"])
    assert state(forge, number) == "blocked"
    with pytest.raises(ForgeError) as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 405
    status(forge, head, "audit", "success")
    assert state(forge, number) == "clean"


def test_a_check_and_a_status_of_one_name_must_both_pass(forge, opened):
    number, head = opened
    forge.ada.set_protection(SHOP, "main", contexts=["ci"])
    status(forge, head, "ci", "failure")
    assert state(forge, number) == "blocked"


def test_a_red_status_that_nobody_requires_is_unstable(forge, opened):
    number, head = opened
    status(forge, head, "lint", "failure")
    assert state(forge, number) == "unstable"


def test_approvals_count_from_writers_and_the_last_word_stands(forge, opened):
    number, _ = opened
    forge.ada.set_protection(SHOP, "main", approvals=1)
    forge.as_("eve").review(SHOP, number, "APPROVE")
    assert state(forge, number) == "blocked"
    forge.as_("grace").review(SHOP, number, "APPROVE")
    assert state(forge, number) == "clean"
    forge.ada.review(SHOP, number, "REQUEST_CHANGES", "no")
    forge.ada.review(SHOP, number, "COMMENT", "hm")
    assert state(forge, number) == "blocked"
    forge.ada.review(SHOP, number, "APPROVE")
    assert state(forge, number) == "clean"


def test_nobody_approves_their_own_pull_request(forge, opened):
    with pytest.raises(ForgeError, match="Can not approve your own pull request") as refused:
        forge.oneshot.review(SHOP, opened[0], "APPROVE")
    assert refused.value.status == 422


def test_a_ruleset_blocks_like_protection(forge, opened):
    number, _ = opened
    forge.ada.require_checks(SHOP, "audit")
    assert state(forge, number) == "blocked"


def test_a_draft_is_not_merged(forge, shop):
    shop.push_branch("draft", {"x": "1\n"})
    body = {"head": "draft", "base": "main", "title": "x", "draft": True}
    number = forge.oneshot.api("POST", SHOP, "/pulls", body)["number"]
    assert state(forge, number) == "draft"
    with pytest.raises(ForgeError) as refused:
        forge.ada.merge_as_person(SHOP, number)
    assert refused.value.status == 405


def test_mergeability_is_unknown_on_the_first_look_when_asked_to_be_slow(make_forge, tmp_path):
    forge = make_forge("--lazy-mergeable", "--null-ci")
    planted(forge, tmp_path / "shop").push_branch("feature", {"x": "1\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    planted_main = forge.ada.branch_sha(SHOP, "main")
    clone = Clone(folder=tmp_path / "shop", remote=forge.remote("ada"))
    clone.branch("main2", planted_main)
    clone.commit({"y": "1\n"})
    clone.push("main2:main")
    first, second = forge.ada.pull(SHOP, number), forge.ada.pull(SHOP, number)
    assert (first["mergeable"], first["mergeable_state"]) == (None, "unknown")
    assert (second["mergeable"], second["mergeable_state"]) == (True, "clean")


def test_closing_and_reopening_are_in_the_timeline_and_a_gone_branch_closes(forge, shop, opened):
    number, head = opened
    for word in ("closed", "open"):
        forge.oneshot.api("PATCH", SHOP, f"/pulls/{number}", {"state": word})
    forge.wait_checks(head)
    shop.push(":feature")
    assert forge.ada.pull(SHOP, number)["state"] == "closed"
    events = [e["event"] for e in forge.ada.api("GET", SHOP, f"/issues/{number}/timeline")]
    assert events == ["closed", "reopened", "closed"]


def test_a_branch_is_deleted_through_the_api(forge, opened):
    forge.oneshot.api("DELETE", SHOP, "/git/refs/heads/feature")
    with pytest.raises(ForgeError) as gone:
        forge.ada.branch_sha(SHOP, "feature")
    assert gone.value.status == 404


def test_a_deployment_needs_its_contexts_and_no_auto_merge(forge, opened):
    _, head = opened
    with pytest.raises(ForgeError, match="auto_merge"):
        forge.oneshot.api("POST", SHOP, "/deployments", {"ref": head})
    status(forge, head, "audit", "pending")
    with pytest.raises(ForgeError) as refused:
        forge.oneshot.api("POST", SHOP, "/deployments", {"ref": head, "auto_merge": False})
    assert refused.value.status == 409
