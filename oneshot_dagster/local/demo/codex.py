"""The demo with the real Codex as its agent and a judging model: the settings that they need, and the scripted model behind them
where no key is given. Both must stand before any process of the stack is started."""

import contextlib
import json
import os
from collections.abc import Generator, Mapping

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.local.demo import model
from oneshot_dagster.local.model.server import ModelServer
from oneshot_dagster.system.codex.program import installed

SERVICE = "https://api.openai.com/v1"


@contextlib.contextmanager
def codex(name: str | None, environment: Mapping[str, str]) -> Generator[str]:
    """While the demo runs; what Codex works with, for a person. With OPENAI_API_KEY set and a model named, the service of
    OpenAI; else the scripted model in this process."""
    key = environment.get("OPENAI_API_KEY")
    installed()
    if name is not None and not key:
        found = f"the model {name}, and no OPENAI_API_KEY"
        raise BadInput(
            tried="play the demo with a model's service", found=found, do="export OPENAI_API_KEY, or no model"
        )
    if name is not None and key:
        _set(name, SERVICE, key)
        yield f"{name} of {SERVICE}"
        return
    server = ModelServer(otherwise=model.play)
    try:
        _set(model.MODEL, server.base_url("demo"), "no-key-is-needed-here")
        yield f"the scripted model at {server.url}"
    finally:
        server.close()


def _set(name: str, base_url: str, key: str) -> None:
    os.environ |= {
        "ONESHOT_AGENT__KIND": "codex",
        "ONESHOT_AGENT__COMMAND": json.dumps([]),
        "ONESHOT_AGENT__MODEL": name,
        "ONESHOT_AGENT__BASE_URL": base_url,
        "ONESHOT_AGENT__API_KEY": key,
        "ONESHOT_JUDGE__KIND": "model",
        "ONESHOT_JUDGE__MODEL": name,
        "ONESHOT_JUDGE__BASE_URL": base_url,
        "ONESHOT_JUDGE__API_KEY": key,
    }
