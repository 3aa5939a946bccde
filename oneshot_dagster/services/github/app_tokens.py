"""A GitHub App's tokens: one for each installation, asked for with a JWT that the App's key signs, kept in memory alone.
What a request that names no repository gets is the App's own JWT."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.services.github.answers import ABSENT, Answer, Json, judge, part, read

if TYPE_CHECKING:
    from oneshot_dagster.services.github.connection import Connection

_SLOW_CLOCKS = 60  # GitHub refuses a JWT of the future, by its own clock
_JWT_SECONDS = 540  # and one that lives longer than ten minutes
_REFUSALS = ABSENT | {401, 403}


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    slug: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    text: str
    ends: float
    permissions: Mapping[str, str]


class AppTokens:
    """`app_id` is the App's id or its client id; `private_key` reads the PEM when something has to be signed.

    A token is used until `before_end` seconds before it ends.
    """

    def __init__(
        self,
        *,
        api_url: str,
        app_id: str,
        private_key: Callable[[], str],
        timeout: float = 20.0,
        before_end: float = 300.0,
    ) -> None:
        self._api_url, self._jwt, self._timeout = api_url, _Jwt(app_id, private_key), timeout
        self._before_end = before_end
        self._lock = threading.RLock()  # one request for several threads
        self._installations: dict[str, int] = {}
        self._held: dict[int, _Token] = {}

    @property
    def login(self) -> str:
        return f"{self.app.slug}[bot]"

    @cached_property
    def app(self) -> App:
        answer = self._accepted(self._connection.get("/app", values=_REFUSALS))
        return read(lambda body: App(slug=str(body["slug"]), url=str(body["html_url"])), answer)

    def token(self, repository: str | None) -> str:
        return self._jwt.token(None) if repository is None else self._token(repository).text

    def permissions(self, repository: str) -> Mapping[str, str]:
        """Those that the installation had accepted when the token was made."""
        return self._token(repository).permissions

    def _token(self, repository: str) -> _Token:
        with self._lock:
            installation = self._installation(repository.lower())
            held = self._held.get(installation)
            if held is None or time.time() > held.ends - self._before_end:
                held = self._held[installation] = self._made(installation, repository)
            return held

    def renews(self, repository: str | None, token: str) -> bool:
        """It may have been revoked, or the App taken away and installed again."""
        if repository is None:
            return False
        with self._lock:
            installation = self._installations.get(repository.lower())
            held = self._held.get(installation or 0)
            if held is not None and held.text == token:
                self._held.pop(installation or 0)
                self._installations.pop(repository.lower())
        return True

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()

    @cached_property
    def _connection(self) -> "Connection":
        from oneshot_dagster.services.github.connection import Connection

        return Connection(api_url=self._api_url, graphql_url="", tokens=self._jwt, timeout=self._timeout)

    def _installation(self, repository: str) -> int:
        if repository not in self._installations:
            answer = self._connection.get(f"/repos/{repository}/installation", values=_REFUSALS)
            if answer.status in ABSENT and "integration" not in answer.message.lower():
                raise self._not_installed(repository)
            self._installations[repository] = read(lambda body: int(body["id"]), self._accepted(answer))
        return self._installations[repository]

    def _made(self, installation: int, repository: str) -> _Token:
        path = f"/app/installations/{installation}/access_tokens"
        answer = self._connection.send("POST", path, values=_REFUSALS)
        if answer.status in ABSENT:
            self._installations.pop(repository.lower(), None)
            raise self._not_installed(repository)
        return read(_token, self._accepted(answer))

    def _not_installed(self, repository: str) -> NeedsHuman:
        return NeedsHuman(
            f"the GitHub App {self.app.slug} is not installed on {repository}, or there is no such repository; "
            f"install it at {self.app.url}/installations/new",
            reason="no_access",
        )

    def _accepted(self, answer: Answer) -> Answer:
        """GitHub's words for a bad JWT are about JWTs; here they say what to mend."""
        said = f"(HTTP {answer.status}: {answer.message})"
        if answer.status == 403 and "suspended" in answer.message.lower():
            text = (
                f"the GitHub App {self._jwt.app_id} is suspended there {said}; who owns the repository lets it in again"
            )
            raise NeedsHuman(text, reason="no_access")
        if answer.status == 401 and "claim" in answer.message.lower():
            text = f"GitHub refuses what the App's key signed {said}; set this machine's clock"
            raise NeedsHuman(text, reason="no_access")
        if answer.status == 401 or answer.status in ABSENT:
            text = (
                f"GitHub does not know the App {self._jwt.app_id} by this key {said}; "
                "mend github.app_id, or make a new private key on the App's page and set github.private_key_file"
            )
            raise NeedsHuman(text, reason="no_access")
        return judge(answer)


class _Jwt:
    """What the App shows of itself. Made anew for each of its few requests."""

    login: str | None = None

    def __init__(self, app_id: str, private_key: Callable[[], str]) -> None:
        self.app_id, self._private_key = app_id, private_key

    def token(self, repository: str | None) -> str:
        del repository
        import jwt

        now = int(time.time())
        claims = {"iss": self.app_id, "iat": now - _SLOW_CLOCKS, "exp": now - _SLOW_CLOCKS + _JWT_SECONDS}
        pem = self._private_key()
        try:
            return jwt.encode(claims, pem, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise BadInput(  # not from the cause, which may show the key
                tried=f"sign as the GitHub App {self.app_id}",
                found="a private key that cannot be read",
                do="give the file that GitHub made for this App, as it is",
            ) from None

    def permissions(self, repository: str) -> Mapping[str, str] | None:
        del repository
        return None

    def renews(self, repository: str | None, token: str) -> bool:
        del repository, token
        return False

    def close(self) -> None:
        pass


def _token(body: Json) -> _Token:
    return _Token(
        text=str(body["token"]),
        ends=datetime.fromisoformat(str(body["expires_at"])).timestamp(),
        permissions={str(name): str(access) for name, access in part(body, "permissions").items()},
    )
