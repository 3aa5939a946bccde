"""Claims about `oneshot init` on the forge: one pull request with one file, made from what is there, however often it is asked for."""

import tomllib

import pytest
from unprepared_repository import PROJECT, TOOLS, earlier_change, push
from world_fixtures import ENGINE_TOKEN

from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.local.demo.plant import REPOSITORY

BRANCH = "oneshot/init"


@pytest.fixture
def home(world):
    return world.home


@pytest.fixture
def environment(environment, world):
    github = {"API_URL": f"{world.url}/api/v3", "GRAPHQL_URL": f"{world.url}/api/graphql", "GIT_URL": world.url}
    mine = {f"ONESHOT_GITHUB__{name}": value for name, value in github.items()}
    return {**environment, **mine, "ONESHOT_GITHUB__TOKEN": ENGINE_TOKEN, "ONESHOT_REPOSITORIES": '["acme/*"]'}


@pytest.fixture
def tools(world):
    """Pushes files as a person."""
    world.forge.create_repository(TOOLS)
    world.forge.put_user("oneshot", ENGINE_TOKEN, {TOOLS: "write", REPOSITORY: "write"})

    def pushed(files, **more):
        return push(world.forge, world.home / "person", files, **more)

    pushed(PROJECT)
    earlier_change(world.forge, pushed({"README.md": "tools\n"}, branch="earlier"))
    return pushed


@pytest.fixture
def proposal(engine):
    """The proposed file as it stands in the branch."""
    git = engine().services.git

    def read():
        head = git.remote_head(TOOLS, BRANCH)
        git.fetch(TOOLS)
        return git.read_file(TOOLS, sha=head, path=".oneshot.toml").decode()

    return read


def pulls(world):
    return [one for one in world.forge.pulls(TOOLS, state="all") if one["head"]["ref"] == BRANCH]


def test_a_policy_of_what_is_there_is_proposed(oneshot, world, tools, proposal, engine):
    said = oneshot("init", TOOLS)
    assert said.code == 0, said.err
    (pull,) = pulls(world)
    assert pull["html_url"] in said.out
    assert (pull["head"]["ref"], pull["base"]["ref"], pull["user"]["login"]) == (BRANCH, "main", "oneshot")
    policy = parse_policy(proposal())
    assert policy.tests.commands == ("make test",)
    assert policy.gate.required_checks == ("ci",)
    assert "./deploy.sh {sha}" in proposal()
    assert "make test" in pull["body"]
    git, head = engine().services.git, pull["head"]["sha"]
    assert git.parents(TOOLS, head) == (pull["base"]["sha"],)
    assert set(git.paths(TOOLS, revision=head)) == {*PROJECT, ".oneshot.toml"}


def test_policy_check_and_doctor_are_content_with_it_once_it_is_merged(oneshot, world, tools, proposal):
    oneshot("init", TOOLS)
    assert oneshot("policy", "check", "-", stdin=proposal().encode()).code == 0
    world.forge.merge_as_person(TOOLS, pulls(world)[0]["number"])
    doctor = oneshot("doctor", TOOLS)
    assert doctor.code == 0, doctor.out
    again = oneshot("init", TOOLS)
    assert again.code == 2
    assert "a .oneshot.toml on main" in again.err


def test_asked_again_it_finds_its_own(oneshot, world, tools):
    first = oneshot("init", TOOLS)
    tools({"README.md": "moved on\n"})
    said = oneshot("init", TOOLS)
    assert (said.code, "proposed already" in said.out) == (0, True)
    assert pulls(world)[0]["html_url"] in first.out
    assert len(pulls(world)) == 1


def test_what_changed_meanwhile_is_proposed_anew_in_the_same_pull_request(oneshot, world, tools, proposal):
    oneshot("init", TOOLS)
    tools({"Makefile": "nothing:\n", "go.mod": "module tools\n"})
    said = oneshot("init", TOOLS)
    assert "proposed anew" in said.out
    assert parse_policy(proposal()).tests.commands == ("go test ./...",)
    (pull,) = pulls(world)
    assert "go test" in pull["body"]


@pytest.mark.parametrize("file", [".oneshot.toml", "README.md"])
def test_a_proposal_that_somebody_worked_on_is_left_alone(oneshot, world, tools, proposal, file):
    oneshot("init", TOOLS)
    tools({file: 'mode = "observe"\n'}, branch=BRANCH)
    before = proposal()
    tools({"go.mod": "module tools\n", "Makefile": "nothing:\n"})
    said = oneshot("init", TOOLS)
    assert "left alone" in said.out
    assert proposal() == before
    assert len(pulls(world)) == 1


def test_a_closed_proposal_is_opened_anew_and_a_strangers_branch_is_not_taken(oneshot, world, tools):
    oneshot("init", TOOLS)
    world.forge.api("PATCH", TOOLS, f"/pulls/{pulls(world)[0]['number']}", {"state": "closed"})
    assert oneshot("init", TOOLS).code == 0
    assert sorted(one["state"] for one in pulls(world)) == ["closed", "open"]
    newest = next(one for one in pulls(world) if one["state"] == "open")
    tools({"README.md": "mine\n"}, branch=BRANCH)
    world.forge.api("PATCH", TOOLS, f"/pulls/{newest['number']}", {"state": "closed"})
    said = oneshot("init", TOOLS)
    assert said.code == 2
    assert "work of somebody else" in said.err


def test_mode_observe_prints_the_file_and_writes_nothing(oneshot, world, tools, environment, engine):
    environment["ONESHOT_MODE"] = "observe"
    said = oneshot("init", TOOLS)
    assert said.code == 0
    text = said.out.split("```toml\n")[1].split("```")[0]
    assert tomllib.loads(text)["mode"] == "propose"
    assert pulls(world) == []
    assert engine().services.git.remote_head(TOOLS, BRANCH) is None


def test_a_repository_that_is_not_allowed_is_not_touched(oneshot, world, tools, environment):
    environment["ONESHOT_REPOSITORIES"] = '["acme/shop"]'
    said = oneshot("init", TOOLS)
    assert said.code == 2
    assert pulls(world) == []


@pytest.mark.parametrize(
    ("arguments", "word"), [(("acme/nowhere",), "no such repository"), ((TOOLS, "--base", "nope"), "nope")]
)
def test_what_is_not_there_is_said(oneshot, tools, arguments, word):
    said = oneshot("init", *arguments)
    assert (said.code, word in said.err) == (2, True)


def test_an_existing_policy_is_left_to_its_owner(oneshot, world):
    said = oneshot("init", REPOSITORY)
    assert said.code == 2
    assert "policy check" in said.err
    assert world.forge.pulls(REPOSITORY, state="all") == []
