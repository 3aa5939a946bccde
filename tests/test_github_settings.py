"""What the operator says of GitHub, and who we are there by it."""

import pytest

from oneshot_dagster.bootstrap import github_tokens
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.settings import GitHubSettings, load


@pytest.fixture
def settle(monkeypatch, tmp_path):
    """Settings of exactly these keys of [github], as an operator gives them."""
    monkeypatch.setenv("ONESHOT_HOME", str(tmp_path))

    def settled(toml: str = "", **environment: str):
        (tmp_path / "oneshot.toml").write_text(f"[github]\n{toml}")
        for name, value in environment.items():
            monkeypatch.setenv(f"ONESHOT_GITHUB__{name}", value)
        return load().github

    return settled


@pytest.mark.parametrize(
    ("api_url", "graphql_url", "git_url"),
    [
        ("https://api.github.com", "https://api.github.com/graphql", "https://github.com"),
        ("https://api.acme.ghe.com/", "https://api.acme.ghe.com/graphql", "https://acme.ghe.com"),
        ("https://ghe.example/api/v3", "https://ghe.example/api/graphql", "https://ghe.example"),
        ("http://127.0.0.1:3001/api/v3/", "http://127.0.0.1:3001/api/graphql", "http://127.0.0.1:3001"),
    ],
)
def test_one_address_is_enough(settle, api_url, graphql_url, git_url):
    for found in (settle(API_URL=api_url), GitHubSettings(api_url=api_url)):
        assert (found.graphql_url, found.git_url) == (graphql_url, git_url)


def test_the_other_addresses_may_be_given(settle):
    found = settle('api_url = "https://ghe.example/api/v3"\n', GIT_URL="https://mirror.example")
    assert (found.graphql_url, found.git_url) == ("https://ghe.example/api/graphql", "https://mirror.example")


def test_without_a_word_it_is_github(settle):
    found = settle()
    assert (found.graphql_url, found.git_url) == ("https://api.github.com/graphql", "https://github.com")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"APP_ID": "1"}, "private_key_file is missing"),
        ({"PRIVATE_KEY_FILE": "/k"}, "app_id is missing"),
        ({"TOKEN": "t", "TOKEN_FILE": "/t"}, "token or token_file"),
        ({"WEBHOOK_SECRET": "s", "WEBHOOK_SECRET_FILE": "/s"}, "webhook_secret or webhook_secret_file"),
        ({"TOKEN": "hunter2", "APP_ID": "1"}, "not both; private_key_file is missing"),
    ],
)
def test_each_mistake_of_who_we_are_is_said_at_once(settle, given, wrong):
    with pytest.raises(BadInput) as caught:
        settle(**given)
    assert wrong in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_app_is_named_by_a_number_too(settle, tmp_path):
    found = settle(f'app_id = 12345\nprivate_key_file = "{tmp_path / "key.pem"}"\n')
    assert found.app_id == "12345"
    assert isinstance(github_tokens(found), AppTokens)


def test_a_token_is_the_same_for_every_repository_and_read_anew(settle, tmp_path):
    tokens = github_tokens(settle(TOKEN_FILE=str(tmp_path / "token")))
    for text in ("first", "second"):
        (tmp_path / "token").write_text(f"{text}\n")
        assert tokens.token("acme/shop") == tokens.token(None) == text


def test_a_key_that_others_can_read_is_refused_with_what_to_do(settle, tmp_path):
    key = tmp_path / "key.pem"
    tokens = github_tokens(settle(APP_ID="1", PRIVATE_KEY_FILE=str(key)))
    with pytest.raises(BadInput, match=r"key\.pem: No such file"):
        tokens.token(None)
    key.write_text("very secret")
    key.chmod(0o640)
    with pytest.raises(BadInput, match=rf"chmod 600 {key}"):
        tokens.token(None)
    key.chmod(0o600)
    with pytest.raises(BadInput, match="cannot be read") as caught:
        tokens.token(None)
    assert "very secret" not in str(caught.value)
