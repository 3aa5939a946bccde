"""Reviews, checks and methods at the merge: what counts, what is refused, and in which of GitHub's words."""

import pytest
from forge_world import SHOP, planted

from oneshot_dagster.local.forge.client import ForgeError

CI_APP = 15368


@pytest.fixture
def opened(forge, shop):
    """An open pull request of oneshot with a green check; its number and head."""
    shop.remote = forge.remote("oneshot")
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]
    forge.wait_checks(head)
    return number, head


def state(forge, number):
    return forge.ada.pull(SHOP, number)["mergeable_state"]


def merge_refused(forge, number, who="oneshot", **more):
    with pytest.raises(ForgeError) as refused:
        forge.as_(who).merge_as_person(SHOP, number, **more)
    assert refused.value.status == 405
    return str(refused.value)


def pull_rule(**parameters):
    asked = {
        "required_approving_review_count": 0,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    return {"type": "pull_request", "parameters": asked | parameters}


def status(forge, sha, context, word="success"):
    forge.oneshot.api("POST", SHOP, f"/statuses/{sha}", {"context": context, "state": word})


def test_a_check_pinned_to_an_app_counts_only_from_that_app(forge, opened):
    number, head = opened
    status(forge, head, "audit")
    checks = {"strict": False, "checks": [{"context": "ci", "app_id": CI_APP}, {"context": "audit", "app_id": CI_APP}]}
    forge.ada.set_protection(SHOP, "main", required_status_checks=checks)
    assert state(forge, number) == "blocked"
    assert 'Required status check "audit" is expected.' in merge_refused(forge, number)
    checks["checks"].pop()
    forge.ada.set_protection(SHOP, "main", required_status_checks=checks)
    assert state(forge, number) == "clean"


@pytest.mark.parametrize(
    ("contexts", "said"),
    [
        (["red"], 'Required status check "red" is failing.'),
        (["waiting"], 'Required status check "waiting" is pending.'),
        (["none", "never"], "2 of 2 required status checks are expected."),
        (["ci", "red", "none"], "2 of 3 required status checks have not succeeded: 1 failing and 1 expected."),
    ],
)
def test_what_is_missing_is_said_as_github_says_it(forge, opened, contexts, said):
    number, head = opened
    status(forge, head, "red", "failure")
    status(forge, head, "waiting", "pending")
    forge.ada.set_protection(SHOP, "main", contexts=contexts)
    assert said in merge_refused(forge, number)


def test_rulesets_list_their_violations(forge, opened):
    number, _ = opened
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=2))
    forge.ada.require_checks(SHOP, "audit")
    said = merge_refused(forge, number)
    assert "Repository rule violations found" in said
    assert "At least 2 approving reviews are required by reviewers with write access." in said
    assert 'Required status check "audit" is expected.' in said


def test_admins_merge_past_protection_that_is_not_enforced_for_them(forge, opened):
    number, head = opened
    forge.ada.set_protection(SHOP, "main", contexts=["audit"], enforce_admins=False)
    merge_refused(forge, number)
    assert state(forge, number) == "blocked"
    forge.ada.merge_as_person(SHOP, number, sha=head)


def test_a_bypass_for_pull_requests_merges(forge, opened):
    number, head = opened
    writers = {"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"}
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=1), bypass_actors=[writers])
    assert state(forge, number) == "blocked"
    forge.oneshot.merge_as_person(SHOP, number, sha=head)


def test_the_approval_of_who_pushed_last_does_not_count_where_that_is_asked(forge, shop, opened):
    number, _ = opened
    shop.remote = forge.remote("grace")
    head = shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    forge.wait_checks(head)
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=1, require_last_push_approval=True))
    forge.as_("grace").review(SHOP, number, "APPROVE")
    said = merge_refused(forge, number)
    assert "New changes require approval from someone other than the last pusher." in said
    forge.ada.review(SHOP, number, "APPROVE")
    assert state(forge, number) == "clean"


def test_a_push_dismisses_approvals_where_that_is_asked(forge, shop, opened):
    number, _ = opened
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=1, dismiss_stale_reviews_on_push=True))
    forge.ada.review(SHOP, number, "APPROVE")
    head = shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    forge.wait_checks(head)
    assert state(forge, number) == "blocked"
    assert [r["state"] for r in forge.ada.api("GET", SHOP, f"/pulls/{number}/reviews")] == ["DISMISSED"]


def test_a_push_keeps_approvals_where_nothing_is_asked(forge, shop, opened):
    number, head = opened
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=1))
    forge.ada.review(SHOP, number, "APPROVE")
    moved = shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    forge.wait_checks(moved)
    (review,) = forge.ada.api("GET", SHOP, f"/pulls/{number}/reviews")
    assert (review["state"], review["commit_id"]) == ("APPROVED", head)
    assert state(forge, number) == "clean"


def test_a_dismissed_review_counts_no_more(forge, opened):
    number, _ = opened
    forge.ada.add_ruleset(SHOP, pull_rule(required_approving_review_count=1))
    no = forge.as_("grace").review(SHOP, number, "REQUEST_CHANGES", "no")
    forge.ada.review(SHOP, number, "APPROVE")
    assert "Changes were requested" in merge_refused(forge, number)
    forge.ada.api("PUT", SHOP, f"/pulls/{number}/reviews/{no['id']}/dismissals", {"message": "settled"})
    assert state(forge, number) == "clean"
    with pytest.raises(ForgeError, match="Can not dismiss a dismissed") as again:
        forge.ada.api("PUT", SHOP, f"/pulls/{number}/reviews/{no['id']}/dismissals", {"message": "again"})
    assert again.value.status == 422


def test_code_owners_are_read_from_the_base(forge, shop):
    shop.commit({".github/CODEOWNERS": "*.txt @grace\n/docs/ @ada\n"})
    shop.push("main")
    shop.remote = forge.remote("oneshot")
    own = {"price.txt": "1\n", ".github/CODEOWNERS": "* @oneshot\n"}
    head = shop.push_branch("feature", own)
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    forge.wait_checks(head)
    forge.ada.add_ruleset(SHOP, pull_rule(require_code_owner_review=True))
    forge.ada.review(SHOP, number, "APPROVE")
    assert "Waiting on code owner review from grace." in merge_refused(forge, number)
    forge.as_("grace").review(SHOP, number, "APPROVE")
    assert state(forge, number) == "clean"


@pytest.mark.parametrize(
    ("switch", "method", "said"),
    [
        ("allow_squash_merge", "squash", "Squash merges are not allowed on this repository."),
        ("allow_merge_commit", "merge", "Merge commits are not allowed on this repository."),
        ("allow_rebase_merge", "rebase", "Rebase merges are not allowed on this repository."),
    ],
)
def test_a_method_that_the_repository_does_not_allow_is_refused(forge, opened, switch, method, said):
    number, _ = opened
    forge.ada.api("PATCH", SHOP, "", {switch: False})
    assert said in merge_refused(forge, number, method=method)
    assert forge.oneshot.api("GET", SHOP, "")[switch] is False


def test_one_way_to_merge_stays_allowed(forge, shop):
    none = dict.fromkeys(("allow_squash_merge", "allow_merge_commit", "allow_rebase_merge"), False)
    with pytest.raises(ForgeError, match="at least one merge strategy") as refused:
        forge.ada.api("PATCH", SHOP, "", none)
    assert refused.value.status == 422


def test_a_ruleset_narrows_the_methods(forge, opened):
    number, head = opened
    forge.ada.add_ruleset(SHOP, pull_rule(allowed_merge_methods=["rebase"]))
    forge.ada.add_ruleset(SHOP, {"type": "required_linear_history"})
    assert "squash" in merge_refused(forge, number)
    assert "must not contain merge commits" in merge_refused(forge, number, method="merge")
    forge.oneshot.merge_as_person(SHOP, number, sha=head, method="rebase")


def test_the_head_branch_goes_where_the_repository_says_so(forge, opened):
    number, head = opened
    forge.ada.api("PATCH", SHOP, "", {"delete_branch_on_merge": True})
    forge.oneshot.merge_as_person(SHOP, number, sha=head)
    with pytest.raises(ForgeError) as gone:
        forge.ada.branch_sha(SHOP, "feature")
    assert gone.value.status == 404
    assert forge.ada.pull(SHOP, number)["head"]["sha"] == head


def test_a_head_of_another_repository_is_refused(forge, opened):
    with pytest.raises(ForgeError, match="Validation Failed") as refused:
        forge.oneshot.create_pull(SHOP, head="stranger:feature", base="main", title="fork")
    assert refused.value.status == 422


def test_after_a_merge_the_others_are_unknown_until_looked_at_again(make_forge, tmp_path):
    forge = make_forge("--lazy-mergeable", "--null-ci")
    clone = planted(forge, tmp_path / "shop")
    numbers = []
    for name in ("one", "two"):
        clone.push_branch(name, {name: "1\n"})
        numbers.append(forge.oneshot.create_pull(SHOP, head=name, base="main", title=name)["number"])
    for number in numbers:
        state(forge, number)
    assert [state(forge, n) for n in numbers] == ["clean", "clean"]
    forge.oneshot.merge_as_person(SHOP, numbers[0])
    assert [state(forge, numbers[1]) for _ in range(2)] == ["unknown", "clean"]
    assert forge.ada.violations() == []
