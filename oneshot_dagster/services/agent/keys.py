"""The key of an agent's model, read for each session, so that a renewed file is seen; and what else it is given that is secret."""

import re
from collections.abc import Callable, Mapping

from oneshot_dagster.domain.errors import BadInput, NeedsHuman

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/@\s]+:([^/@\s]+)@")


def read(key: Callable[[], str] | None) -> str | None:
    """NeedsHuman where there should be one and it cannot be read."""
    try:
        return None if key is None else key()
    except BadInput as error:
        raise NeedsHuman(f"the key of the agent's model cannot be read: {error}", reason="agent_key_missing") from None


def secrets(key: str | None, env: Mapping[str, str]) -> tuple[str, ...]:
    """The key; of the environment what its name says is secret, and the password in an address."""
    named = (value for name, value in env.items() if _SECRET.search(name))
    passwords = (found for value in env.values() for found in _LOGIN.findall(value))
    return tuple(dict.fromkeys(filter(None, (key, *named, *passwords))))
