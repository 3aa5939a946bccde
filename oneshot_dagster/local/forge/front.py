"""What stands before GitHub's API: limits, the API's version, ETags, the headers that every answer has, and armed faults.
The parts are limits.py, etags.py, stale.py and faults.py; what an endpoint answers is binding.py."""

from dataclasses import replace

from starlette.types import Message, Receive, Scope, Send

from oneshot_dagster.local.forge import limits
from oneshot_dagster.local.forge.asked import GRAPHQL, AsgiApp, Asked, Reply, captured, deliver, deliver_cut, json_reply
from oneshot_dagster.local.forge.etags import conditional
from oneshot_dagster.local.forge.faults import AFTER, Fault, Kind, naming_otherwise, reply_of
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.stale import LastAnswers

VERSIONS = ("2026-03-10", "2022-11-28")  # the newest first; without a header GitHub takes the oldest
_FREE = "/api/v3/rate_limit"
_UNSUPPORTED = (
    'The version you specified in the "X-GitHub-API-Version" request header, "{}", is not a supported version. '
    "The following versions are currently supported: {}."
)


class Front:
    def __init__(self, forge: Forge, web: AsgiApp) -> None:
        self._forge, self._web = forge, web
        self._last = LastAnswers()

    async def serve(self, asked: Asked, scope: Scope, send: Send, fault: Fault | None) -> None:
        if fault is not None and fault.kind not in AFTER:
            reply = self._dressed(asked, reply_of(fault, asked))
            await deliver(reply, send)
            return
        reply = await self._reply(asked, scope, fault)
        if fault is not None and fault.kind is Kind.CUT_AFTER:
            await deliver_cut(reply, send)
        elif fault is not None and fault.kind is Kind.BAD_GATEWAY_AFTER:
            await deliver(self._dressed(asked, reply_of(fault, asked)), send)
        else:
            await deliver(reply, send)

    async def _reply(self, asked: Asked, scope: Scope, fault: Fault | None) -> Reply:
        refused = self._refused(asked)
        if refused is not None:
            return self._dressed(asked, refused)
        reply = await captured(self._web, scope, asked.body)
        self._last.learn(asked, reply)
        if fault is not None and fault.kind is Kind.STALE:
            reply = self._last.before(asked) or reply
        elif fault is not None and fault.kind is Kind.WRONG_SHA:
            reply = replace(reply, body=naming_otherwise(fault, reply.body))
        reply = conditional(asked, reply)
        if reply.status != 304 and asked.path != _FREE:
            self._forge.limits.count(asked.login or "", limits.resource_of(asked))
        return self._dressed(asked, reply)

    def _refused(self, asked: Asked) -> Reply | None:
        """A bad token is told before anything else, and by the endpoint."""
        if asked.user is None and "authorization" in asked.headers:
            return None
        if asked.path != _FREE and (limited := self._forge.limits.refusal(asked)):
            return limited
        wanted = asked.headers.get("x-github-api-version")
        if asked.path == GRAPHQL or wanted is None or wanted in VERSIONS:
            return None
        known = ", ".join(f'"{one}"' + (" (most recent)" if one == VERSIONS[0] else "") for one in VERSIONS)
        body = {"message": _UNSUPPORTED.format(wanted, known), "documentation_url": "https://docs.github.com/rest"}
        return json_reply(400, body)

    def _dressed(self, asked: Asked, reply: Reply) -> Reply:
        resource = limits.resource_of(asked)
        graphql = asked.path == GRAPHQL
        headers = {
            "x-github-request-id": asked.id,
            "x-github-media-type": f"github.{'v4' if graphql else 'v3'}; format=json",
            **self._forge.limits.window(asked.login or "", resource).headers(resource),
        }
        wanted = asked.headers.get("x-github-api-version", VERSIONS[-1])
        if not graphql and reply.status != 401 and wanted in VERSIONS:
            headers["x-github-api-version-selected"] = wanted
        return replace(reply, headers={**headers, **reply.headers})


async def until_gone(receive: Receive) -> None:
    """No answer: waits for the other side to give up."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Withheld:
    """Takes an answer that is streamed and keeps it from who asked: its start may be let through, its body never."""

    def __init__(self, send: Send, *, show_start: bool) -> None:
        self._send, self._show_start = send, show_start

    async def __call__(self, message: Message) -> None:
        if self._show_start and message["type"] == "http.response.start":
            await self._send(message)
