"""Settings of the agent: what is refused, and which agent they make."""

import json

import pytest
from pydantic import ValidationError

from oneshot_dagster.bootstrap import agent, agent_key, sandbox_of
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.agent.codex import CodexAgent
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.settings import AgentSettings, PriceSettings, Settings, load


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": "codex"}, "model is missing"),
        ({"kind": "codex", "model": "m", "base_url": "http://model.example/v1", "api_key": "k"}, "told in clear"),
        ({"kind": "codex", "model": "m", "base_url": "https://user:pass@model.example/v1"}, "must hold no login"),
        ({"kind": "codex", "model": "m", "base_url": "model.example"}, "base_url must be"),
        ({"kind": "codex", "model": "m", "api_key": "k", "api_key_file": "/k"}, "not both"),
        ({"command": ["a"], "api_key": "k", "env": {"OPENAI_API_KEY": "k"}}, "not both"),
        ({"command": ["a"], "api_key": "k", "api_key_variable": "A=B"}, "String should match pattern"),
        ({"kind": "somebody"}, "Input should be"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, why):
    with pytest.raises(ValidationError, match=why):
        AgentSettings.model_validate(given)


def test_the_kind_decides_which_agent_works(tmp_path):
    for asked, kind in (
        (AgentSettings(command=("true",)), CommandAgent),
        (AgentSettings(kind="codex", model="m"), CodexAgent),
    ):
        settings = Settings(home=tmp_path, agent=asked)
        assert isinstance(agent(settings, tmp_path, sandbox_of(settings)), kind)


def test_a_key_in_a_file_is_read_each_time_and_one_that_is_gone_is_said(tmp_path):
    file = tmp_path / "key"
    settings = AgentSettings(kind="codex", model="m", api_key_file=file)
    for key in ("one", "two"):
        file.write_text(f"{key}\n")
        assert agent_key(settings) == key
    file.unlink()
    with pytest.raises(BadInput, match="API_KEY_FILE"):
        agent_key(settings)


def test_prices_and_the_agents_environment_come_from_the_environment_too(tmp_path, monkeypatch):
    monkeypatch.setenv("ONESHOT_HOME", str(tmp_path))
    monkeypatch.setenv("ONESHOT_BUDGET__PRICES", json.dumps({"m.1": {"input": 1, "output": 2}}))
    monkeypatch.setenv("ONESHOT_AGENT__ENV", json.dumps({"HTTPS_PROXY": "http://hidden-word@proxy"}))
    settings = load()
    assert settings.budget.prices == {"m.1": PriceSettings(input=1, output=2)}
    assert "hidden-word" not in repr(settings)
