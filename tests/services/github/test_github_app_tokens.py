"""A GitHub App against the forge: whose token goes where, when it is renewed, and what is said where it is refused."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted_github import Scripted, serving

from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.services.github.client import GitHubClient

PERMISSIONS = {"issues": "write", "checks": "write", "contents": "write", "pull_requests": "write", "metadata": "read"}


@pytest.fixture(scope="module")
def numbers():
    return itertools.count(1)


class AppWorld:
    """One App on one repository of an account of its own, with the client under test."""

    def __init__(self, url: str, name: str, permissions: dict[str, str]) -> None:
        self.owner = ForgeClient(url, "owner-token")
        self.repository = f"{name}/shop"
        self.owner.create_repository(self.repository)
        self.issue = self.owner.create_issue(self.repository, "Greet", "please")["number"]
        self.made = self.owner.create_app(name, name, permissions, repositories=[self.repository])
        self.slug, self.installation = self.made["app"]["slug"], self.made["installation"]["id"]
        self.pem = self.made["pem"]
        self.app_id = str(self.made["app"]["id"])
        self.url, self.opened = url, []
        self.github = self.client()
        self.owner.clear_requests()

    def tokens(self, **changes) -> AppTokens:
        given = {"app_id": self.app_id, "private_key": lambda: self.pem, **changes}
        return AppTokens(api_url=f"{self.url}/api/v3", **given)

    def client(self, **changes) -> GitHubClient:
        graphql_url = f"{self.url}/api/graphql"
        self.opened.append(
            GitHubClient(api_url=f"{self.url}/api/v3", graphql_url=graphql_url, token=self.tokens(**changes))
        )
        return self.opened[-1]

    def asked(self) -> list[str]:
        requests = [r for r in self.owner.requests() if not r["path"].startswith("/_forge/")]
        return [f"{r['method']} {r['path'].removeprefix('/api/v3')}" for r in requests]

    def tokens_made(self) -> int:
        return sum(line.endswith("/access_tokens") for line in self.asked())


@pytest.fixture
def world(forge, numbers):
    world = AppWorld(forge, f"owner-{next(numbers)}", PERMISSIONS)
    yield world
    assert world.owner.violations() == []
    for client in (*world.opened, world.owner):
        client.close()


def needs_human(call, *args) -> str:
    with pytest.raises(NeedsHuman) as caught:
        call(*args)
    assert caught.value.reason == "no_access"
    assert "PRIVATE KEY" not in str(caught.value)
    return str(caught.value)


def test_an_app_is_itself_and_writes_as_its_bot(world):
    assert world.github.login == f"{world.slug}[bot]"
    assert world.github.comment(world.repository, world.issue, "hello").author == f"{world.slug}[bot]"
    assert world.github.default_branch(world.repository) == "main"


def test_an_app_is_known_by_its_client_id_too(world):
    client = world.client(app_id=world.made["app"]["client_id"])
    assert client.default_branch(world.repository) == "main"


def test_the_installation_and_its_token_are_asked_for_once(world):
    for _ in range(3):
        world.github.comments(world.repository, world.issue)
    looked = f"GET /repos/{world.repository}/installation"
    made = f"POST /app/installations/{world.installation}/access_tokens"
    comments = f"GET /repos/{world.repository}/issues/{world.issue}/comments"
    assert world.asked() == [looked, made, comments, comments, comments]


def test_several_threads_share_one_request_for_a_token(world):
    ready = threading.Barrier(8)

    def ask(_: int) -> int:
        ready.wait()
        return len(world.github.comments(world.repository, world.issue))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [0] * 8
    assert world.tokens_made() == 1


def test_a_token_that_github_no_longer_knows_is_renewed_and_the_call_sent_once_more(world):
    world.github.comment(world.repository, world.issue, "one")
    world.owner.expire_tokens(world.installation)
    world.github.comment(world.repository, world.issue, "two")
    world.owner.expire_tokens(world.installation)
    assert [c.body for c in world.github.comments(world.repository, world.issue)] == ["one", "two"]
    assert world.tokens_made() == 3


@pytest.mark.parametrize(("before_end", "made"), [(300.0, 1), (3601.0, 2)])
def test_a_token_near_its_end_is_not_used(world, before_end, made):
    tokens = world.tokens(before_end=before_end)
    assert len({tokens.token(world.repository), tokens.token(world.repository)}) == made
    tokens.close()


def test_graphql_is_asked_with_the_repositorys_token(world):
    assert needs_human(world.github.resolve_thread, world.repository, "PRRT_1")
    assert world.tokens_made() == 1


def test_an_app_that_is_not_installed_says_where_to_install_it(world):
    world.owner.create_repository("elsewhere/shop")
    said = needs_human(world.github.default_branch, "elsewhere/shop")
    assert "not installed on elsewhere/shop" in said
    assert f"/apps/{world.slug}/installations/new" in said


def test_an_app_that_is_suspended_says_so(world):
    world.owner.suspend(world.installation)
    assert "suspended" in needs_human(world.github.default_branch, world.repository)
    world.owner.suspend(world.installation, lifted=True)
    assert world.github.default_branch(world.repository) == "main"


def test_a_key_of_another_app_is_not_accepted(world):
    other = world.owner.create_app("another-app", "acme", PERMISSIONS)
    for wrong in ({"private_key": lambda: other["pem"]}, {"app_id": "999999"}):
        client = world.client(**wrong)
        assert "private_key_file" in needs_human(client.default_branch, world.repository)
        assert "private_key_file" in needs_human(lambda client=client: client.login)


def test_a_clock_that_is_wrong_is_told_from_a_wrong_key(script, world):
    words = "'Expiration time' claim ('exp') is too far in the future"
    script.on("GET", "/api/v3/app", Scripted(401, {"message": words}))
    with serving(script) as url:
        tokens = AppTokens(api_url=f"{url}/api/v3", app_id="1", private_key=lambda: world.pem)
        assert "clock" in needs_human(lambda: tokens.login)
        tokens.close()


def test_a_file_that_is_no_key_is_wrong_input(world):
    with pytest.raises(BadInput, match="private key that cannot be read"):
        _ = world.client(private_key=lambda: "-----BEGIN PRIVATE KEY-----\nnonsense").login


def test_a_missing_permission_is_named(world):
    world.owner.set_app_permissions(world.slug, {"metadata": "read", "issues": "read"})
    assert "issues: write" in needs_human(world.github.comment, world.repository, world.issue, "hello")
