"""Protection and rulesets: what git refuses to push, and what it says."""

import pytest
from forge_world import SHOP, git

from oneshot_dagster.local.forge.client import ForgeError

PULL = {
    "type": "pull_request",
    "parameters": {
        "required_approving_review_count": 0,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    },
}


@pytest.fixture
def oneshot_clone(forge, shop):
    """The clone, pushing as somebody who may write but not administer."""
    shop.remote = forge.remote("oneshot")
    return shop


def refused_push(clone, *refspec):
    done = clone.push(*refspec, check=False)
    assert done.returncode != 0, done
    return done.stderr


def test_a_protected_branch_takes_no_push_and_says_why(forge, oneshot_clone):
    forge.ada.set_protection(SHOP, "main", approvals=1)
    before = forge.ada.branch_sha(SHOP, "main")
    oneshot_clone.commit({"x": "1\n"})
    said = refused_push(oneshot_clone, "main")
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in said
    assert "remote: error: Changes must be made through a pull request." in said
    assert "! [remote rejected] main -> main (protected branch hook declined)" in said
    assert forge.ada.branch_sha(SHOP, "main") == before


@pytest.mark.parametrize("refspec", [":main", "+HEAD~1:main"])
def test_a_protected_branch_is_not_deleted_or_rewound(forge, oneshot_clone, refspec):
    oneshot_clone.commit({"x": "1\n"})
    oneshot_clone.push("main")
    before = forge.ada.branch_sha(SHOP, "main")
    body = {"required_pull_request_reviews": None, "required_status_checks": None, "restrictions": None}
    forge.ada.api("PUT", SHOP, "/branches/main/protection", {**body, "enforce_admins": False})
    assert "Cannot " in refused_push(oneshot_clone, refspec)
    forge.ada.api("PUT", SHOP, "/branches/main/protection", {**body, "enforce_admins": True})
    oneshot_clone.remote = forge.remote("ada")
    refused_push(oneshot_clone, refspec)
    assert forge.ada.branch_sha(SHOP, "main") == before


def test_admins_push_past_protection_that_is_not_enforced_for_them(forge, shop):
    forge.ada.set_protection(SHOP, "main", approvals=1, enforce_admins=False)
    sha = shop.commit({"x": "1\n"})
    shop.push("main")
    assert forge.ada.branch_sha(SHOP, "main") == sha


def test_only_those_named_by_restrictions_push(forge, oneshot_clone):
    restrictions = {"users": ["grace"], "teams": [], "apps": []}
    forge.ada.set_protection(SHOP, "main", restrictions=restrictions)
    oneshot_clone.commit({"x": "1\n"})
    assert "You're not authorized to push to this branch" in refused_push(oneshot_clone, "main")
    oneshot_clone.remote = forge.remote("grace")
    oneshot_clone.push("main")


def test_a_ruleset_refuses_a_push_and_lists_why(forge, oneshot_clone):
    forge.ada.add_ruleset(SHOP, PULL, {"type": "non_fast_forward"})
    oneshot_clone.commit({"x": "1\n"})
    said = refused_push(oneshot_clone, "main")
    assert "remote: error: GH013: Repository rule violations found for refs/heads/main." in said
    assert f"/{SHOP}/rules?ref=refs%2Fheads%2Fmain" in said
    assert "remote: - Changes must be made through a pull request." in said
    assert "! [remote rejected] main -> main (push declined due to repository rule violations)" in said
    oneshot_clone.push("HEAD:other")


def test_a_push_that_is_refused_on_one_branch_still_moves_the_others(forge, oneshot_clone):
    forge.ada.add_ruleset(SHOP, PULL)
    sha = oneshot_clone.commit({"x": "1\n"})
    refused_push(oneshot_clone, "main", "main:other")
    assert forge.ada.branch_sha(SHOP, "other") == sha


def test_a_ruleset_on_codex_branches_stops_the_engines_head(forge, oneshot_clone):
    forge.ada.add_ruleset(SHOP, {"type": "creation"}, include=["refs/heads/codex/**"])
    oneshot_clone.branch("codex/issue-1")
    oneshot_clone.commit({"x": "1\n"})
    assert "creations being restricted" in refused_push(oneshot_clone, "codex/issue-1")
    oneshot_clone.push("HEAD:feature")


@pytest.mark.parametrize(
    ("rule", "message", "said"),
    [
        (
            {"type": "commit_message_pattern", "parameters": {"operator": "regex", "pattern": "^[A-Z]+-[0-9]+ "}},
            "no ticket",
            "Commit message must match",
        ),
        ({"type": "required_signatures"}, "unsigned", "Commits must have verified signatures."),
    ],
)
def test_rules_about_commits_name_the_commit(forge, oneshot_clone, rule, message, said):
    forge.ada.add_ruleset(SHOP, rule, include=["~ALL"])
    oneshot_clone.branch("feature")
    sha = oneshot_clone.commit({"x": "1\n"}, message)
    found = refused_push(oneshot_clone, "feature")
    assert said in found
    assert sha in found


def test_a_commit_message_that_fits_is_let_through(forge, oneshot_clone):
    pattern = {"operator": "starts_with", "pattern": "SHOP-"}
    forge.ada.add_ruleset(SHOP, {"type": "commit_message_pattern", "parameters": pattern}, include=["~ALL"])
    oneshot_clone.branch("feature")
    oneshot_clone.commit({"x": "1\n"}, "SHOP-1 works")
    oneshot_clone.push("feature")


@pytest.mark.parametrize(
    ("rule", "files", "named"),
    [
        ({"type": "file_path_restriction", "parameters": {"restricted_file_paths": ["deploy/**/*"]}}, "deploy/a.sh", 1),
        ({"type": "max_file_size", "parameters": {"max_file_size": 1}}, "big.bin", 2 * 2**20),
    ],
)
def test_push_rulesets_hold_for_every_branch(forge, oneshot_clone, rule, files, named):
    forge.ada.add_ruleset(SHOP, rule, target="push")
    oneshot_clone.push_branch("small", {"fine.txt": "1\n"})
    oneshot_clone.branch("feature")
    oneshot_clone.commit({files: "x" * named})
    assert files in refused_push(oneshot_clone, "feature")


def test_linear_history_refuses_merge_commits(forge, oneshot_clone):
    forge.ada.add_ruleset(SHOP, {"type": "required_linear_history"}, include=["refs/heads/release"])
    oneshot_clone.push_branch("a", {"a": "1\n"})
    oneshot_clone.branch("release")
    oneshot_clone.commit({"b": "1\n"})
    git("merge", "-q", "--no-edit", "a", cwd=oneshot_clone.folder)
    assert "must not contain merge commits" in refused_push(oneshot_clone, "release")


@pytest.mark.parametrize("enforcement", ["disabled", "evaluate"])
def test_only_active_rulesets_hold(forge, oneshot_clone, enforcement):
    ruleset = forge.ada.add_ruleset(SHOP, PULL, enforcement=enforcement)
    oneshot_clone.commit({"x": "1\n"})
    oneshot_clone.push("main")
    assert forge.ada.api("GET", SHOP, "/rules/branches/main") == []
    forge.ada.api("PUT", SHOP, f"/rulesets/{ruleset['id']}", {"enforcement": "active"})
    assert [r["type"] for r in forge.ada.api("GET", SHOP, "/rules/branches/main")] == ["pull_request"]
    oneshot_clone.commit({"x": "2\n"})
    refused_push(oneshot_clone, "main")


def test_a_bypass_lets_its_actor_through_and_nobody_else(forge, shop):
    admins = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ruleset = forge.ada.add_ruleset(SHOP, PULL, bypass_actors=[admins])
    shop.commit({"x": "1\n"})
    shop.remote = forge.remote("oneshot")
    refused_push(shop, "main")
    shop.remote = forge.remote("ada")
    shop.push("main")
    seen = {who: forge.as_(who).api("GET", SHOP, f"/rulesets/{ruleset['id']}") for who in ("ada", "oneshot")}
    assert seen["ada"]["current_user_can_bypass"] == "always"
    assert (seen["oneshot"]["current_user_can_bypass"], "bypass_actors" in seen["oneshot"]) == ("never", False)


def test_excluded_branches_are_free(forge, oneshot_clone):
    conditions = {"ref_name": {"include": ["~ALL"], "exclude": ["refs/heads/codex/*"]}}
    forge.ada.add_ruleset(SHOP, {"type": "creation"}, conditions=conditions)
    oneshot_clone.push("HEAD:codex/issue-1")
    refused_push(oneshot_clone, "HEAD:other")


def test_a_protected_branch_is_not_deleted_through_the_api(forge, shop):
    shop.push("main:release")
    forge.ada.add_ruleset(SHOP, {"type": "deletion"}, include=["refs/heads/release"])
    with pytest.raises(ForgeError, match="Cannot delete this branch") as refused:
        forge.oneshot.api("DELETE", SHOP, "/git/refs/heads/release")
    assert refused.value.status == 422
    assert forge.ada.api("GET", SHOP, "/branches/release")["protected"]


def test_an_archived_repository_takes_no_push(forge, shop):
    forge.ada.api("PATCH", SHOP, "", {"archived": True})
    shop.commit({"x": "1\n"})
    assert "403" in refused_push(shop, "main")
    assert forge.oneshot.api("GET", SHOP, "")["archived"]


def test_a_rule_that_the_forge_would_not_enforce_is_refused(forge, shop):
    with pytest.raises(ForgeError, match="does not enforce") as refused:
        forge.ada.add_ruleset(SHOP, {"type": "code_scanning"})
    assert refused.value.status == 422


def test_protection_is_shown_as_it_was_put(forge, shop):
    checks = [{"context": "ci", "app_id": 15368}, {"context": "x"}]
    body = {
        "required_status_checks": {"strict": True, "contexts": [], "checks": checks},
        "required_pull_request_reviews": {"required_approving_review_count": 2, "require_code_owner_reviews": True},
        "enforce_admins": False,
        "restrictions": None,
        "required_linear_history": True,
        "allow_force_pushes": True,
    }
    forge.ada.api("PUT", SHOP, "/branches/main/protection", body)
    shown = forge.oneshot.api("GET", SHOP, "/branches/main/protection")
    checks = [{"context": "ci", "app_id": 15368}, {"context": "x", "app_id": None}]
    assert shown["required_status_checks"]["checks"] == checks
    assert shown["required_pull_request_reviews"]["require_code_owner_reviews"]
    flags = ("enforce_admins", "required_linear_history", "allow_force_pushes", "allow_deletions")
    assert [shown[name]["enabled"] for name in flags] == [False, True, True, False]
    forge.ada.api("DELETE", SHOP, "/branches/main/protection")
    with pytest.raises(ForgeError, match="Branch not protected"):
        forge.oneshot.api("GET", SHOP, "/branches/main/protection")
    assert forge.ada.violations() == []
