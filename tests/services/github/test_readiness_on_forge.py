"""What the client reads of a repository's readiness on the forge: rules of both kinds, rights of both kinds, what reported."""

import itertools
import json
import subprocess
import sys

import pytest
from contract import forge_record

from oneshot_dagster.domain.readiness_facts import Reported, Required, Unread, WebhookFacts
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.github.rules import of_rule

PEOPLE = {
    "acme": {"token": "owner-token", "admin": True, "permissions": {"*": "admin"}},
    "oneshot": {"token": "bot-token", "permissions": {"*": "write"}},
    "eve": {"token": "eve-token", "permissions": {"*": "read"}},
}
GRANTED = {"contents": "write", "pull_requests": "write", "metadata": "read", "checks": "read", "statuses": "read"}


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    home = tmp_path_factory.mktemp("forge")
    people = home / "people.json"
    people.write_text(json.dumps(PEOPLE))
    forge_record.begin(home / "world")
    argv = [sys.executable, "-m", "oneshot_dagster.local.forge", "--home", str(home / "world"), "--people", str(people)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
    forge_record.check(home / "world")


@pytest.fixture(scope="module")
def numbers():
    return itertools.count(1)


class Place:
    """A repository of its own, and clients of several people in it."""

    def __init__(self, url, number):
        self.url, self.account, self.name = url, f"owner-{number}", f"owner-{number}/shop"
        self.owner = ForgeClient(url, "owner-token")
        self.owner.create_repository(self.name)
        self.opened = []
        self.others = ("acme", self.account)  # who may write, but oneshot

    def client(self, token):
        api, graph = f"{self.url}/api/v3", f"{self.url}/api/graphql"
        self.opened.append(GitHubClient(api_url=api, graphql_url=graph, token=token))
        return self.opened[-1]

    def as_(self, login="oneshot"):
        return self.client(lambda: PEOPLE[login]["token"])

    def as_app(self, permissions):
        name = f"{self.account}-{len(self.opened)}"
        made = self.owner.create_app(name, self.account, permissions, repositories=[self.name])
        api = f"{self.url}/api/v3"
        tokens = AppTokens(api_url=api, app_id=str(made["app"]["id"]), private_key=lambda: made["pem"])
        return self.client(tokens)

    def facts(self, login="oneshot", **more):
        return self.as_(login).repository_facts(self.name, base="main", **more)

    def asked(self):
        requests = [r for r in self.owner.requests() if not r["path"].startswith("/_forge/")]
        return [
            f"{r['method']} {r['path'].removeprefix('/api/v3').removeprefix(f'/repos/{self.name}')}" for r in requests
        ]


@pytest.fixture
def place(forge, numbers):
    place = Place(forge, next(numbers))
    yield place
    assert place.owner.violations() == []
    for client in place.opened:
        client.close()
    place.owner.close()


def test_a_quiet_repository_demands_nothing_and_says_who_we_are(place, tmp_path):
    plant(place, tmp_path)
    facts = place.facts()
    assert (facts.archived, facts.methods) == (False, ("merge", "squash", "rebase"))
    assert (facts.base_rules, facts.head_rules, facts.classic, facts.approvers) == ((), (), None, ())
    assert (facts.access.login, facts.access.is_app, facts.access.role) == ("oneshot", False, "write")
    assert place.facts("eve").access.role == "read"


def test_there_is_nothing_to_say_of_a_repository_that_we_may_not_see(place):
    assert place.as_().repository_facts("owner-0/none", base="main") is None


def test_where_nothing_protects_the_base_it_costs_five_calls_once(place, tmp_path):
    plant(place, tmp_path)
    client = place.as_()
    place.owner.clear_requests()
    client.repository_facts(place.name, base="main")
    assert sorted(place.asked()) == [
        "GET ",
        "GET /branches/main/protection",
        "GET /rules/branches/codex/issue-1",
        "GET /rules/branches/main",
        "POST /api/graphql",
    ]
    client.repository_facts(place.name, base="main", fresh=False)
    assert len(place.asked()) == 5


def protect(place, **parts):
    nothing = {"required_status_checks": None, "required_pull_request_reviews": None}
    body = {**nothing, "enforce_admins": True, "restrictions": None, **parts}
    place.owner.api("PUT", place.name, "/branches/main/protection", body)


def kinds(rules):
    return {rule.kind: rule for rule in rules}


def test_classic_protection_becomes_rules(place, tmp_path):
    plant(place, tmp_path)
    checks = {"strict": True, "contexts": [], "checks": [{"context": "ci", "app_id": 7}, {"context": "lint"}]}
    reviews = {
        "required_approving_review_count": 2,
        "require_code_owner_reviews": True,
        "require_last_push_approval": True,
    }
    pushers = {"users": ["eve"], "teams": [], "apps": []}
    switches = {"required_linear_history": True, "lock_branch": True}
    protect(
        place, required_status_checks=checks, required_pull_request_reviews=reviews, restrictions=pushers, **switches
    )
    place.owner.api("POST", place.name, "/branches/main/protection/required_signatures")
    facts = place.facts()
    rules = kinds(facts.base_rules)
    assert set(rules) == {
        "required_status_checks",
        "pull_request",
        "restrictions",
        "required_linear_history",
        "lock_branch",
        "required_signatures",
    }
    assert rules["required_status_checks"].contexts == (Required(name="ci", app_id=7), Required(name="lint"))
    pull = rules["pull_request"]
    assert (pull.approvals, pull.code_owners, pull.last_push) == (2, True, True)
    assert rules["restrictions"].names == ("eve",)
    assert rules["lock_branch"].source == "the branch protection of main"
    assert facts.approvers == place.others


def plant(place, folder):
    """A first commit on main, and what works on it."""
    work = folder / "work"
    work.mkdir()
    remote = place.owner.clone_url(place.name).replace("//", "//acme:owner-token@")
    for argv in (
        ["init", "-q", "-b", "main"],
        ["remote", "add", "origin", remote],
        ["commit", "-q", "--allow-empty", "-m", "first"],
        ["push", "-q", "origin", "main"],
    ):
        git(work, *argv)
    return work


def git(folder, *argv):
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *who, *argv], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_who_may_not_read_the_protection_is_told_so_and_nothing_is_made_up(place, tmp_path):
    plant(place, tmp_path)
    assert place.as_app(GRANTED).repository_facts(place.name, base="main").classic is None
    protect(place, required_status_checks={"strict": False, "contexts": ["ci"]})
    hidden = place.as_app(GRANTED).repository_facts(place.name, base="main")
    assert isinstance(hidden.classic, Unread)
    seen = place.as_app({**GRANTED, "administration": "read"}).repository_facts(place.name, base="main")
    assert kinds(seen.base_rules)["required_status_checks"].contexts == (Required(name="ci"),)


def ruleset(place, *rules, include=("refs/heads/main",), target="branch", bypass=()):
    body = {
        "name": "the rules",
        "target": target,
        "enforcement": "active",
        "rules": list(rules),
        "bypass_actors": list(bypass),
        "conditions": {"ref_name": {"include": list(include), "exclude": []}},
    }
    return place.owner.api("POST", place.name, "/rulesets", body)["id"]


def test_rulesets_are_read_for_the_base_and_for_our_branches_by_name(place):
    checks = [{"context": "ci", "integration_id": 15368}]
    parameters = {"strict_required_status_checks_policy": True, "required_status_checks": checks}
    ruleset(place, {"type": "required_status_checks", "parameters": parameters}, {"type": "deletion"})
    pattern = {"operator": "starts_with", "pattern": "JIRA-", "negate": False}
    message = {"type": "commit_message_pattern", "parameters": pattern}
    ruleset(place, {"type": "creation"}, message, include=["refs/heads/codex/**"])
    facts = place.facts()
    assert kinds(facts.base_rules)["required_status_checks"].contexts == (Required(name="ci", app_id=15368),)
    rules = kinds(facts.head_rules)
    assert set(rules) == {"creation", "commit_message_pattern"}
    assert rules["creation"].source == f'the ruleset "the rules" of {place.name}'
    assert rules["creation"].bypassed is False
    assert rules["commit_message_pattern"].pattern.text == "JIRA-"


def test_who_may_bypass_a_rule_is_told_so(place):
    role = {"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ruleset(place, {"type": "creation"}, include=["refs/heads/codex/**"], bypass=[role])
    ruleset(place, {"type": "update"}, bypass=[{**role, "bypass_mode": "pull_request"}])
    ruleset(place, {"type": "update"}, include=["refs/heads/codex/*"], bypass=[{**role, "bypass_mode": "pull_request"}])
    facts = place.facts()
    assert kinds(facts.head_rules)["creation"].bypassed is True
    assert kinds(facts.base_rules)["update"].bypassed is True
    assert kinds(facts.head_rules)["update"].bypassed is False


PUSH_RULES = [
    ({"type": "file_path_restriction", "parameters": {"restricted_file_paths": ["secrets/**"]}}, ("secrets/**",)),
    ({"type": "max_file_size", "parameters": {"max_file_size": 5}}, ("5",)),
    ({"type": "file_extension_restriction", "parameters": {"restricted_file_extensions": ["*.exe"]}}, ("*.exe",)),
    ({"type": "deletion"}, ()),
]


@pytest.mark.parametrize(("body", "names"), PUSH_RULES)
def test_what_a_rule_lists_is_read_whatever_it_is_called(body, names):
    """In GitHub's shapes; the forge does not tell push rules of a branch."""
    rule = of_rule({**body, "ruleset_id": 3}, {}, heads=True)
    assert (rule.kind, rule.names, rule.source) == (body["type"], names, "ruleset 3 of the repository")


def test_the_policys_approvals_make_it_ask_who_could_approve(place):
    assert place.facts(approvals=1).approvers == place.others
    assert place.facts("acme", approvals=1).approvers == ("oneshot", place.account)


def test_settings_of_the_repository_are_read(place):
    place.owner.api("PATCH", place.name, "", {"allow_squash_merge": False, "archived": True})
    facts = place.facts()
    assert (facts.methods, facts.archived) == (("merge", "rebase"), True)


def test_an_app_knows_its_permissions(place):
    access = place.as_app(GRANTED).repository_facts(place.name, base="main").access
    assert (access.is_app, dict(access.permissions)) == (True, GRANTED)
    assert access.login.endswith("[bot]")


def test_what_reported_is_told_of_pull_requests_and_of_the_base(place, tmp_path):
    work = plant(place, tmp_path)
    client = place.as_()
    assert client.reported_contexts(place.name, "main").contexts == ()
    first = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "-b", "feature")
    git(work, "commit", "-q", "--allow-empty", "-m", "work")
    git(work, "push", "-q", "origin", "feature")
    place.owner.create_pull(place.name, head="feature", base="main", title="Work")
    place.owner.api(
        "POST", place.name, f"/statuses/{git(work, 'rev-parse', 'HEAD')}", {"state": "success", "context": "ci"}
    )
    place.owner.api("POST", place.name, f"/statuses/{first}", {"state": "failure", "context": "nightly"})
    told = client.reported_contexts(place.name, "main")
    assert told.contexts == (Reported(name="ci"), Reported(name="nightly", on_pull=False))
    assert (told.pulls, told.commits) == (1, 1)
    assert client.reported_contexts(place.name, "other").contexts == ()


def test_a_check_run_is_told_with_its_app(place, tmp_path):
    sha = git(plant(place, tmp_path), "rev-parse", "HEAD")
    made = place.owner.create_app("runner", place.account, {"checks": "write"}, repositories=[place.name])
    tokens = AppTokens(api_url=f"{place.url}/api/v3", app_id=str(made["app"]["id"]), private_key=lambda: made["pem"])
    runner = ForgeClient(place.url, tokens.token(place.name))
    runner.api("POST", place.name, "/check-runs", {"name": "ci", "head_sha": sha, "status": "queued"})
    (told,) = place.as_().reported_contexts(place.name, "main").contexts
    assert (told.name, told.app, told.app_id) == ("ci", made["app"]["slug"], made["app"]["id"])
    runner.close()
    tokens.close()


def test_an_app_without_a_webhook_is_told_so(place):
    assert place.as_app(GRANTED).webhook(place.name) == WebhookFacts()
