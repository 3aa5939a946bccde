"""The one HTTP connection to GitHub: githubkit with our tokens, timeouts, and repeats for what only reads.
Imported at the first call, because githubkit is slow to import. What an answer means is answers.py."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from githubkit import GitHub, Response
from githubkit.auth import BaseAuthStrategy
from githubkit.exception import GitHubException, RequestFailed, RequestTimeout
from githubkit.typing import RetryOption

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.github.answers import Answer, Json, graph_data, is_secondary, judge, refuses_version
from oneshot_dagster.services.github.etags import Etags
from oneshot_dagster.services.github.pace import Pace, writes
from oneshot_dagster.services.github.tokens import Tokens, repository_of
from oneshot_dagster.system.tls import trust_for

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
API_VERSION = "2026-03-10"
OLDER_VERSION = "2022-11-28"  # Enterprise Server, and what GitHub itself takes where no version is named
PAGE = 100
MOST_PAGES = 500
PAUSES = (0.2, 1.0)  # before the second and the third sending of a read
KEEP_ALIVE = 4.0  # below the five seconds after which common servers close an idle connection


_ABOUT = "x-oneshot-repository"  # from us to _Signing, for what has no repository in its path; never sent


class _Signing(httpx.Auth, BaseAuthStrategy):
    """Each request with the token of its repository; once more with a new one, since a 401 had no effect."""

    def __init__(self, tokens: Tokens, etags: Etags) -> None:
        self._tokens, self._etags = tokens, etags

    def get_auth_flow(self, github: object) -> httpx.Auth:  # noqa: ARG002 (githubkit's signature)
        return self

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        repository = request.headers.pop(_ABOUT, None) or repository_of(request.url.path)
        token = self._tokens.token(repository)
        response = yield self._signed(request, token)
        if response.status_code == 401 and self._tokens.renews(repository, token):
            yield self._signed(request, self._tokens.token(repository))

    def _signed(self, request: httpx.Request, token: str) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {token}"
        self._etags.ask(request)
        return request


class _OneClient(GitHub[_Signing]):
    """githubkit makes a client for each request, or one for each thread's context; this one keeps a single, thread-safe one."""

    def keep_client(self) -> None:
        limits = httpx.Limits(max_connections=20, keepalive_expiry=KEEP_ALIVE)
        self._kept = httpx.Client(**self._get_client_defaults(), limits=limits)

    @contextmanager
    def get_sync_client(self) -> Generator[httpx.Client]:
        yield self._kept

    def close(self) -> None:
        self._kept.close()

    def _check_rate_limit(self, response: object) -> None:
        """answers.py reads limits; githubkit's reading breaks on a `retry-after` that is a date."""


class Connection:
    def __init__(self, *, api_url: str, graphql_url: str, tokens: Tokens, timeout: float) -> None:
        self._graphql_url = str(httpx.URL(graphql_url))
        self._etags, self._pace, self._version = Etags(), Pace(), API_VERSION
        self.api_url = api_url
        loopback = httpx.URL(api_url).host in LOOPBACK
        self._github = _OneClient(
            _Signing(tokens, self._etags),
            base_url=api_url,
            timeout=timeout,
            http_cache=False,
            follow_redirects=False,
            ssl_verify=trust_for(api_url),
            trust_env=not loopback,  # a proxy of the environment cannot reach our own machine
            throttler=self._pace,
            auto_retry=self._again,
        )
        self._github.keep_client()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, object] | None = None,
        values: frozenset[int] = frozenset(),
    ) -> Answer:
        """A success, or one of the statuses in `values`; everything else is raised."""
        return judge(self._answer(method, path, params=params, json=json), values=values)

    def get(
        self, path: str, *, params: Mapping[str, str | int] | None = None, values: frozenset[int] = frozenset()
    ) -> Answer:
        return self.send("GET", path, params=params, values=values)

    def pages(
        self, path: str, *, params: Mapping[str, str | int] | None = None, values: frozenset[int] = frozenset()
    ) -> Iterator[Answer]:
        """Every page, by number: an address that the other side names is never followed."""
        for number in range(1, MOST_PAGES + 1):
            answer = self.get(path, params={**(params or {}), "per_page": PAGE, "page": number}, values=values)
            yield answer
            if 'rel="next"' not in answer.headers.get("link", ""):
                return
        raise NeedsHuman(f"GitHub has more than {MOST_PAGES} pages at {path}", reason="too_many_pages")

    def graph(self, query: str, variables: Mapping[str, object], *, repository: str | None = None) -> Json | None:
        """None for what GitHub does not know. Queries are repeated like reads, mutations are sent once.

        `repository`: with whose token.
        """
        body = {"query": query, "variables": dict(variables)}
        return graph_data(judge(self._answer("POST", self._graphql_url, json=body, repository=repository)))

    def graph_of_many(self, query: str, variables: Mapping[str, object], *, repository: str) -> Json:
        """A query about things of which each may be gone or hidden: null in its place."""
        body = {"query": query, "variables": dict(variables)}
        answer = judge(self._answer("POST", self._graphql_url, json=body, repository=repository))
        return graph_data(answer, without=frozenset({"NOT_FOUND", "FORBIDDEN"})) or {}

    def close(self) -> None:
        self._github.close()

    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, object] | None = None,
        repository: str | None = None,
    ) -> Answer:
        answer = self._sent(method, path, params=params, json=json, repository=repository)
        if refuses_version(answer) and self._version != OLDER_VERSION:
            self._version = OLDER_VERSION
            answer = self._sent(method, path, params=params, json=json, repository=repository)
        if is_secondary(answer):
            self._pace.slow_down()
        return answer

    def _sent(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None,
        json: Mapping[str, object] | None,
        repository: str | None,
    ) -> Answer:
        asked = f"{method} {httpx.URL(path).path}"
        about = {_ABOUT: repository} if repository else {}
        fault: Exception
        try:
            response = self._github.request(
                method,
                path,
                params=dict(params) if params else None,
                json=json,
                headers={"X-GitHub-Api-Version": self._version, **about},
            ).raw_response
            return self._etags.answer(asked, response)
        except RequestFailed as error:
            return self._etags.answer(asked, error.response.raw_response)
        except RequestTimeout:
            fault = TryAgain(f"GitHub did not answer {asked} in time")
        except GitHubException as error:
            fault = _fault_of(asked, getattr(error, "exc", error))
        raise fault

    def _again(self, error: GitHubException, count: int) -> RetryOption:
        """Only what reads, and only after a 5xx or a cut: a limit says how long to wait, a timeout took long already."""
        if count >= len(PAUSES) or isinstance(error, RequestTimeout) or not _is_harmless(error):
            return RetryOption(do_retry=False)
        if isinstance(error, RequestFailed) and not _is_brief(error.response):
            return RetryOption(do_retry=False)
        return RetryOption(do_retry=True, retry_after=timedelta(seconds=PAUSES[count]))


def _is_brief(response: Response[Any, Any]) -> bool:
    """A server's fault of which it does not say itself when it will be over."""
    return response.status_code >= 500 and "retry-after" not in response.headers


def _is_harmless(error: GitHubException) -> bool:
    """To repeat: a read, or the making of a token, of which a second one is none too many."""
    cause: object = getattr(error, "exc", None)
    if not isinstance(cause, httpx.HTTPStatusError | httpx.TransportError):
        return False
    return not writes(cause.request) or cause.request.url.path.endswith("/access_tokens")


def _fault_of(asked: str, cause: Exception) -> Exception:
    """A fault of ours (a token that could not be got) is not the network's and must not look so."""
    if isinstance(cause, httpx.TransportError | httpx.DecodingError):
        return TryAgain(f"no answer from GitHub to {asked}: {cause or type(cause).__name__}")
    return cause
