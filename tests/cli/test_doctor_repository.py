"""Claims about `doctor owner/repo` on the forge, and that intake refuses by the same words what it calls impossible."""

import json
import subprocess

import pytest
from world_fixtures import ENGINE_TOKEN, OWNER_TOKEN

from oneshot_dagster.domain.errors import Refusal
from oneshot_dagster.domain.permissions import PERMISSIONS
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.steps.intake import take_in

CODEX = "refs/heads/codex/**"
CI = ".github/workflows/ci.yml"


@pytest.fixture
def home(world):
    return world.home


@pytest.fixture
def environment(environment, world):
    """The settings of the world for a command."""
    github = {"API_URL": f"{world.url}/api/v3", "GRAPHQL_URL": f"{world.url}/api/graphql", "GIT_URL": world.url}
    mine = {f"ONESHOT_GITHUB__{name}": value for name, value in github.items()}
    return {**environment, **mine, "ONESHOT_GITHUB__TOKEN": ENGINE_TOKEN, "ONESHOT_REPOSITORIES": '["acme/*"]'}


def found(oneshot, *more):
    """How it ended, and the findings by their codes, the gravest of each."""
    said = oneshot("doctor", REPOSITORY, "--json", *more)
    listed = json.loads(said.out)["findings"]
    return said.code, {one["code"]: one for one in reversed(listed)}


def refused(engine, world, **settings):
    key, _ = world.plant()
    with pytest.raises(Refusal) as error:
        take_in(engine(**settings).services, key, base=None, prompt="", by="ada")
    return error.value


def same_words(refusal, finding):
    return (refusal.code, str(refusal)) == (finding["code"], f"{finding['found']}; {finding['do']}")


def test_the_planted_shop_lets_a_change_through_and_says_what_was_looked_at(oneshot):
    said = oneshot("doctor", REPOSITORY)
    assert said.code == 0, said
    for words in ("acme/shop, branch main, mode merge", "ci.yml reports it", "squash is allowed", "has write access"):
        assert words in said.out
    assert "impossible" not in said.out


def test_the_impossible_stands_first_and_ends_with_1(oneshot, world):
    world.forge.add_ruleset(REPOSITORY, {"type": "creation"}, include=[CODEX])
    said = oneshot("doctor", REPOSITORY)
    assert said.code == 1
    assert said.out.splitlines()[2].startswith("impossible")
    assert "let the rule spare codex/**" in said.out


def pattern(kind, text):
    return {"type": kind, "parameters": {"operator": "starts_with", "pattern": text, "negate": False}}


def pull_request(**asked):
    parameters = {
        "required_approving_review_count": 0,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
        **asked,
    }
    return {"type": "pull_request", "parameters": parameters}


RULESETS = [
    ({"type": "creation"}, CODEX, "branch_creation"),
    ({"type": "required_signatures"}, CODEX, "signatures_head"),
    ({"type": "update"}, "~DEFAULT_BRANCH", "base_restricted"),
    (pull_request(allowed_merge_methods=["rebase"]), "~DEFAULT_BRANCH", "merge_method"),
    (pull_request(required_approving_review_count=3), "~DEFAULT_BRANCH", "approvals"),
]


@pytest.mark.parametrize(("rule", "where", "code"), RULESETS, ids=[code for _, _, code in RULESETS])
def test_a_rule_that_lets_nothing_through_is_told_and_refused_by_the_same_words(
    oneshot, world, engine, rule, where, code
):
    world.forge.add_ruleset(REPOSITORY, rule, include=[where])
    ended, findings = found(oneshot)
    assert (ended, findings[code]["level"]) == (1, "impossible")
    assert same_words(refused(engine, world), findings[code])


def test_a_required_check_that_nothing_reports_is_refused(oneshot, world, engine):
    world.forge.require_checks(REPOSITORY, "CI")
    ended, findings = found(oneshot)
    assert (ended, findings["required_context"]["level"]) == (1, "impossible")
    assert "CI is required" in findings["required_context"]["found"]
    assert same_words(refused(engine, world), findings["required_context"])


def push(world, folder, path, text):
    remote = f"{world.url}/{REPOSITORY}.git".replace("//", f"//ada:{OWNER_TOKEN}@")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    run = lambda *argv: subprocess.run(["git", *who, *argv], cwd=folder, check=True, capture_output=True, timeout=60)  # noqa: E731
    run("clone", "-q", remote, "shop")
    folder = folder / "shop"
    (folder / path).write_text(text)
    run("commit", "-q", "-a", "-m", "change")
    run("push", "-q", "origin", "main")


def test_a_workflow_that_does_not_run_for_our_branches_is_refused(oneshot, world, engine, tmp_path):
    jobs = "jobs:\n  ci:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
    push(world, tmp_path, CI, f"on:\n  push:\n    branches: [main]\n{jobs}")
    _, findings = found(oneshot)
    finding = findings["required_context"]
    assert finding["level"] == "impossible"
    assert "runs on push (branches main): never for a pull request of codex/**" in finding["found"]
    assert same_words(refused(engine, world), finding)


def test_what_stops_a_merge_stops_no_proposal(oneshot, world, engine, environment):
    world.forge.add_ruleset(REPOSITORY, {"type": "update"})
    environment["ONESHOT_MODE"] = "propose"
    ended, findings = found(oneshot)
    assert (ended, findings["base_restricted"]["level"]) == (0, "warning")
    key, _ = world.plant()
    assert take_in(engine(mode="propose").services, key, base=None, prompt="", by="ada").mode == "propose"


def test_what_was_mended_is_taken_in_at_once(world, engine):
    rule = world.forge.add_ruleset(REPOSITORY, {"type": "creation"}, include=[CODEX])
    key, _ = world.plant()
    services = engine().services
    with pytest.raises(Refusal, match="bypass list"):
        take_in(services, key, base=None, prompt="", by="ada")
    world.forge.api("DELETE", REPOSITORY, f"/rulesets/{rule['id']}")
    assert take_in(services, key, base=None, prompt="", by="ada").key == key


def test_a_repository_without_rules_costs_intake_four_calls_more_and_the_next_change_none(world, engine):
    services = engine().services
    first, _ = world.plant(seed=1)
    second, _ = world.plant(seed=2)
    take_in(services, first, base=None, prompt="", by="ada")
    asked = readings(world)
    take_in(services, second, base=None, prompt="", by="ada")
    assert readings(world) == asked
    assert sorted(asked) == ["branches/main/protection", "rules/branches/codex/issue-1", "rules/branches/main"]


def readings(world):
    """What only readiness asks for; the fourth, for the repository itself, others ask for too."""
    paths = [
        request["path"].partition(f"/repos/{REPOSITORY}/")[2]
        for request in world.forge.requests()
        if request["login"] == "oneshot"
    ]
    return [path for path in paths if path.startswith(("rules/", "branches/"))]


@pytest.fixture
def as_app(environment, world, home):
    """Commands act as an App with what the table asks for, but for what is given."""

    def make(**instead):
        asked = {p.name: p.access for p in PERMISSIONS} | instead
        made = world.forge.create_app("shop-bot", "acme", asked, repositories=[REPOSITORY])
        key = home / "app.pem"
        key.write_text(made["pem"])
        key.chmod(0o600)
        environment.pop("ONESHOT_GITHUB__TOKEN")
        environment["ONESHOT_GITHUB__APP_ID"] = str(made["app"]["id"])
        environment["ONESHOT_GITHUB__PRIVATE_KEY_FILE"] = str(key)

    return make


def test_an_app_with_the_permissions_of_the_table_is_let_through(oneshot, as_app):
    as_app()
    ended, findings = found(oneshot)
    assert (ended, findings["permissions"]["level"]) == (0, "ok")
    assert {one["level"] for one in findings.values()} == {"ok"}


def test_an_app_that_may_not_push_is_told_what_it_needs_that_for(oneshot, as_app):
    as_app(contents="read")
    ended, findings = found(oneshot)
    assert (ended, findings["permission_contents"]["level"]) == (1, "impossible")
    assert "push the change's own branch" in findings["permission_contents"]["found"]


def test_a_repository_that_is_not_there_or_not_allowed_is_told(oneshot, environment):
    said = oneshot("doctor", "acme/none")
    assert (said.code, "no such repository" in said.err) == (2, True)
    assert oneshot("doctor", REPOSITORY, "--base", "none").code == 2
    assert oneshot("doctor", "not a name").code == 2
    environment["ONESHOT_REPOSITORIES"] = '["other/*"]'
    ended, findings = found(oneshot)
    assert (ended, findings["repository_not_allowed"]["level"]) == (1, "impossible")


def test_the_options_are_about_a_repository(oneshot):
    assert oneshot("doctor", "--base", "main").code == 2
    assert oneshot("doctor", "--json").code == 2
