"""What lands on the base, checked with git itself."""

import pytest
from forge_world import SHOP, git

from oneshot_dagster.local.forge.client import ForgeError


def tree(forge, rev):
    return git("rev-parse", f"{rev}^{{tree}}", cwd=forge.bare()).stdout.strip()


def parents(forge, sha):
    return git("rev-parse", f"{sha}^@", cwd=forge.bare()).stdout.split()


def subjects(forge, since):
    return git("log", "--format=%s", "--reverse", f"{since}..main", cwd=forge.bare()).stdout.splitlines()


@pytest.fixture
def diverged(forge, shop):
    """Two commits on the head, one on the base since; number, head, old base and new base."""
    old = shop.head()
    shop.push_branch("feature", {"price.txt": "12\n"})
    head = shop.push_branch("feature", {"tax.txt": "3\n"}, start="feature")
    shop.branch("main", old)
    base = shop.commit({"README": "the shop\n"}, "reword")
    shop.push("main")
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices", body="Closes #9")["number"]
    forge.wait_checks(head)
    return number, head, base


def wanted_tree(forge, base, head):
    return git("merge-tree", "--write-tree", base, head, cwd=forge.bare()).stdout.strip()


def test_a_squash_is_one_commit_with_the_merged_tree(forge, diverged):
    number, head, base = diverged
    sha = forge.ada.merge_as_person(SHOP, number, sha=head, method="squash")
    assert (parents(forge, sha), tree(forge, sha)) == ([base], wanted_tree(forge, base, head))
    assert subjects(forge, base) == [f"Prices (#{number})"]


def test_a_merge_commit_has_base_and_head_as_parents(forge, diverged):
    number, head, base = diverged
    sha = forge.ada.merge_as_person(SHOP, number, sha=head, method="merge")
    assert (parents(forge, sha), tree(forge, sha)) == ([base, head], wanted_tree(forge, base, head))


def test_a_rebase_keeps_each_commit(forge, diverged):
    number, head, base = diverged
    sha = forge.ada.merge_as_person(SHOP, number, sha=head, method="rebase")
    assert tree(forge, sha) == wanted_tree(forge, base, head)
    assert git("log", "--format=%an %cn", f"{base}..{sha}", cwd=forge.bare()).stdout.split() == ["Ada", "ada"] * 2
    assert git("rev-list", "--count", f"{base}..{sha}", cwd=forge.bare()).stdout.strip() == "2"


def test_the_commit_message_is_the_callers(forge, diverged):
    number, head, _ = diverged
    body = {"merge_method": "squash", "sha": head, "commit_title": "Title", "commit_message": "Why.\n\nTrailer: x"}
    forge.ada.api("PUT", SHOP, f"/pulls/{number}/merge", body)
    assert git("log", "-1", "--format=%B", "main", cwd=forge.bare()).stdout.strip() == "Title\n\nWhy.\n\nTrailer: x"


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_a_conflict_is_refused_and_moves_nothing(forge, shop, method):
    old = shop.head()
    head = shop.push_branch("feature", {"README": "one\n"})
    shop.branch("main", old)
    base = shop.commit({"README": "two\n"})
    shop.push("main")
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    pull = forge.ada.pull(SHOP, number)
    assert (pull["mergeable"], pull["mergeable_state"]) == (False, "dirty")
    with pytest.raises(ForgeError, match="Pull Request is not mergeable") as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head, method=method)
    assert refused.value.status == 405
    assert forge.ada.branch_sha(SHOP, "main") == base


def test_a_merge_closes_the_issues_that_the_body_names(forge, shop):
    issue = forge.ada.create_issue(SHOP, "Prices")["number"]
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    pull = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x", body=f"Closes #{issue}")["number"]
    forge.wait_checks(head)
    forge.ada.merge_as_person(SHOP, pull)
    assert (issue, pull) == (1, 2)
    assert forge.ada.issue(SHOP, issue)["state"] == "closed"


def test_update_branch_merges_the_base_into_the_head(forge, diverged):
    number, head, base = diverged
    path = f"/pulls/{number}/update-branch"
    forge.oneshot.api("PUT", SHOP, path, {"expected_head_sha": head})
    updated = forge.ada.pull(SHOP, number)["head"]["sha"]
    assert parents(forge, updated) == [head, base]
    with pytest.raises(ForgeError) as stale:
        forge.oneshot.api("PUT", SHOP, path, {"expected_head_sha": head})
    assert stale.value.status == 422


def test_a_strict_branch_shows_behind_until_updated(forge, diverged):
    number, head, _ = diverged
    forge.ada.set_protection(SHOP, "main", contexts=["ci"], strict=True)
    assert forge.ada.pull(SHOP, number)["mergeable_state"] == "behind"
    with pytest.raises(ForgeError) as refused:
        forge.ada.merge_as_person(SHOP, number, sha=head)
    assert refused.value.status == 405
    forge.oneshot.api("PUT", SHOP, f"/pulls/{number}/update-branch", {"expected_head_sha": head})
    forge.wait_checks("feature")
    assert forge.ada.pull(SHOP, number)["mergeable_state"] == "clean"
