"""Which token goes with which request. An App's, which it has to ask for, are app_tokens.py."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

_REPOSITORY = re.compile(r"/repos/([^/]+/[^/]+)(?=/|$)")


class Tokens(Protocol):
    """Asked at each request, from several threads."""

    @property
    def login(self) -> str | None:
        """Who we are, where that is known without a token."""
        ...

    def token(self, repository: str | None) -> str:
        """For a request about that repository, or about none."""
        ...

    def permissions(self, repository: str) -> Mapping[str, str] | None:
        """What an App may do there; None for a token of a person, of which GitHub says nothing so."""
        ...

    def renews(self, repository: str | None, token: str) -> bool:
        """GitHub did not know that token: whether there may be another one by now."""
        ...

    def close(self) -> None: ...


class OneToken:
    """The same for every repository, read anew each time, so that a renewed file is seen."""

    login: str | None = None

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def token(self, repository: str | None) -> str:
        del repository
        return self._read()

    def permissions(self, repository: str) -> Mapping[str, str] | None:
        del repository
        return None

    def renews(self, repository: str | None, token: str) -> bool:
        del repository, token
        return False

    def close(self) -> None:
        pass


def repository_of(path: str) -> str | None:
    """The repository that a path of the REST API is about."""
    found = _REPOSITORY.search(path)
    return found[1] if found else None
