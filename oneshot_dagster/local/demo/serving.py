"""What the demo asks of its deploy supervisor past the engine: to serve a commit by hand, and which commits it was asked to serve."""

from typing import Any, cast

import httpx

from oneshot_dagster.system.tls import trust_for

_UP = 60.0


def deploy(url: str, sha: str) -> None:
    httpx.post(
        f"{url}/deploy", json={"sha": sha}, timeout=_UP, trust_env=False, verify=trust_for(url)
    ).raise_for_status()


def revision(url: str) -> str | None:
    """The commit that was deployed last."""
    return cast("str | None", _state(url).get("revision"))


def deployed(url: str) -> list[str]:
    """Each commit that was asked for, in order."""
    return [start["sha"] for start in _state(url)["starts"] if start["why"] == "deploy"]


def _state(url: str) -> dict[str, Any]:
    return httpx.get(f"{url}/_supervisor", timeout=5.0, trust_env=False, verify=trust_for(url)).json()
