"""Claims about the doctor's look at who judges: it tells a model that can be asked from one that cannot, and asks it nothing."""

import pytest

from oneshot_dagster.cli.doctor_judge import judge
from oneshot_dagster.local.model.server import model_server
from oneshot_dagster.settings import Settings

KEY = "a-key-for-tests"


@pytest.fixture
def look(tmp_path):
    def find(key=KEY, *, api_url="http://127.0.0.1:1/api/v3", merge=None, **over):
        values = {"home": tmp_path, "judge": over, "github": {"api_url": api_url}, "merge": merge or {}}
        settings = Settings.model_validate(values)
        return judge(settings, lambda: key)

    return find


def test_a_model_that_answers_is_named_and_not_asked(look):
    with model_server() as server:
        found = look(kind="model", model="m-1", base_url=server.base_url())
        assert (found.ok, found.found) == (True, f"m-1 at {server.base_url()}, after the rules")
        assert server.requests() == ()


def test_nobody_there_says_what_to_mend(look):
    found = look(kind="model", model="m-1", base_url="http://127.0.0.1:9/v1")
    assert not found.ok
    assert "ONESHOT_JUDGE__BASE_URL" in found.do
    assert KEY not in found.found


@pytest.mark.parametrize(
    ("api_url", "merge", "says"),
    [
        ("http://127.0.0.1:1/api/v3", {}, "the rules alone"),
        ("https://api.github.com", {"rules_alone": True}, "the rules alone"),
        ("https://api.github.com", {}, "so a person merges"),
    ],
)
def test_rules_alone_are_a_choice_and_what_follows_is_said(look, api_url, merge, says):
    found = look(api_url=api_url, merge=merge)
    assert found.ok
    assert found.found.startswith("the rules alone")
    assert says in found.found


def test_codex_and_its_sandbox_are_tried(look):
    with model_server() as server:
        found = look(kind="codex", model="m-1", base_url=server.base_url())
        assert found.ok, found
        assert "its sandbox works" in found.found
        assert server.requests() == ()


def test_a_codex_that_is_not_there_is_told(look):
    found = look(kind="codex", model="m-1", codex="/no/such/codex", base_url="http://127.0.0.1:9/v1")
    assert not found.ok
    assert "/no/such/codex" in found.found
