"""What each answer of GitHub means for us: a value, another try, or a person. Pure; sending is connection.py.
GitHub's one 403 means both "no permission" and "too many requests", and its one 405 four different refusals."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain

T = TypeVar("T")
Json = Mapping[str, Any]

LIMIT_WAIT = 60.0  # GitHub asks for at least a minute where it does not say how long
ABSENT = frozenset({404, 410})
REFUSED = frozenset({405, 409, 422})
_OF_THE_MOMENT = frozenset({408, 423})  # too slow, or locked while somebody else is at it


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`asked` names the request for people; header names are lower case."""

    asked: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise TryAgain(f"GitHub answered {self.asked} with something that is not JSON") from error

    def object(self) -> Json:
        """Of a refusal, which may come from a proxy: the object that it holds, an empty one for anything else."""
        try:
            return as_object(json.loads(self.content))
        except ValueError:
            return {}

    @property
    def message(self) -> str:
        """GitHub's own words, "" where it gave none; a 422 carries its reasons in a list beside the message."""
        body = self.object()
        errors: object = body.get("errors")
        reasons = map(_reason, cast("list[object]", errors)) if isinstance(errors, list) else ()
        return ": ".join(part for part in (str(body.get("message") or ""), *reasons) if part)[:500]


def as_object(value: object) -> Json:
    """The object, or an empty one for anything else that JSON may hold in its place."""
    return cast("Json", value) if isinstance(value, dict) else {}


def part(body: Json, name: str) -> Json:
    """The object of that name; an empty one where it is absent or null."""
    return as_object(body.get(name))


def _reason(item: object) -> str:
    error = as_object(item)
    return str(error.get("message") or error.get("code") or "") if error else str(item)


def judge(answer: Answer, *, values: frozenset[int] = frozenset()) -> Answer:
    """The answer where it is a success or one of the statuses that the caller takes as values; else it raises."""
    status = answer.status
    if 200 <= status < 300 or (status in values and not is_limit(answer)):
        return answer
    if is_limit(answer):
        raise TryAgain(f"GitHub limits our requests (HTTP {status} to {answer.asked})", after=wait_of(answer))
    if status >= 500 or status in _OF_THE_MOMENT:
        raise TryAgain(f"GitHub answered {answer.asked} with HTTP {status}", after=_retry_after(answer))
    raise NeedsHuman(_why(answer), reason=_reason_code(status))


def _reason_code(status: int) -> str:
    if status in {401, 403, 451} or status in ABSENT:
        return "no_access"
    return "moved" if 300 <= status < 400 else "github_refused"


def _why(answer: Answer) -> str:
    said = f" ({answer.message})" if answer.message else ""
    if answer.status == 401:
        return f"GitHub does not accept our token for {answer.asked}{said}; give a valid one"
    if answer.status in {403, 451}:
        return f"GitHub forbids {answer.asked}{said}{_permission(answer)}"
    if answer.status in ABSENT:
        return f"GitHub knows nothing at {answer.asked}{said}, or hides it from our token"
    if 300 <= answer.status < 400:
        # Not followed: the allowlist is by name, and a redirected write would be sent as a read.
        return f"GitHub says that what {answer.asked} names has moved; use its new name"
    return f"GitHub refused {answer.asked} with HTTP {answer.status}{said}"


_NO_PERMISSION_HELPS = ("archived", "suspended", "blocked", "disabled")


def _permission(answer: Answer) -> str:
    """GitHub names what would do as `contents=write,workflows=write; administration=write`: all of one of the sets."""
    if any(word in answer.message.lower() for word in _NO_PERMISSION_HELPS):
        return ""
    named = answer.headers.get("x-accepted-github-permissions", "")
    if not named:
        return "; give the token that permission"
    sets = [" and ".join(word.strip().replace("=", ": ") for word in one.split(",")) for one in named.split(";")]
    return f"; give the App or the token the permission {' or '.join(sets)}"


def is_limit(answer: Answer) -> bool:
    if answer.status == 429:
        return True
    if answer.status != 403:
        return False
    headers = answer.headers
    spent = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return spent or "rate limit" in answer.message.lower() or "abuse" in answer.message.lower()


def is_secondary(answer: Answer) -> bool:
    """Too many at once or in a minute, with budget of the hour left: GitHub wants us slower, not only later."""
    return is_limit(answer) and answer.headers.get("x-ratelimit-remaining") != "0"


def refuses_version(answer: Answer) -> bool:
    """An Enterprise Server that is older than the API version which we ask for."""
    return answer.status == 400 and "not a supported version" in answer.message.lower()


def wait_of(answer: Answer) -> float:
    """Seconds until the limit is over: `retry-after`, else the reset of a spent budget, else a minute."""
    after = _retry_after(answer)
    if after is not None:
        return after
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(1.0, int(reset) - time.time())
    return LIMIT_WAIT


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    if not text:
        return None
    return float(text) if text.isdigit() else LIMIT_WAIT


def read(shape: Callable[[Any], T], answer: Answer) -> T:
    """A body that lacks what we need is a fault of the moment (a proxy's page, a half-written answer), not a value."""
    return shaped(shape, answer.json(), asked=answer.asked)


def shaped(shape: Callable[[Any], T], body: object, *, asked: str) -> T:
    try:
        return shape(body)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise TryAgain(f"GitHub's answer to {asked} cannot be read: {error!r}") from error


def graph_data(answer: Answer, *, without: frozenset[str] = frozenset()) -> Json | None:
    """The data of a GraphQL answer, None where GitHub says NOT_FOUND. Its errors come with HTTP 200.

    `without`: kinds of errors that leave a null in the data, for a query about many things.
    """
    body = as_object(answer.json())
    if not body:
        raise TryAgain(f"GitHub's answer to {answer.asked} cannot be read")
    errors = [as_object(error) for error in cast("list[object]", body.get("errors") or [])]
    if not errors:
        return part(body, "data")
    kinds = {str(error.get("type", "")) for error in errors}
    words = "; ".join(str(error.get("message", "")) for error in errors)[:500]
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or "rate limit" in words.lower():
        raise TryAgain(f"GitHub limits our GraphQL requests: {words}", after=wait_of(answer))
    if kinds <= without:
        return part(body, "data")
    if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        raise NeedsHuman(f"GitHub forbids {answer.asked}: {words}", reason="no_access")
    if kinds == {"NOT_FOUND"}:
        return None
    if kinds & {"UNPROCESSABLE"} or any(part(error, "extensions") for error in errors):
        # Not for now: a rule is against it, or an older Enterprise Server has no such field.
        raise NeedsHuman(f"GitHub refused {answer.asked}: {words}", reason="github_refused")
    raise TryAgain(f"GitHub could not answer {answer.asked}: {words}")


# 405 and its kin, by GitHub's own words, the most telling first, since one refusal may name several reasons.
# What is not known here is plainly not mergeable.
_MERGE_REFUSALS = (
    ("base branch was modified", "base_moved"),
    ("head branch was modified", "head_moved"),
    ("merge queue", "queue_required"),
    ("not allowed on this", "method_not_allowed"),
    ("must not contain merge commits", "method_not_allowed"),
    ("required status check", "rules"),
    ("approving review", "rules"),
    ("requesting changes", "rules"),
    ("repository rule violations", "rules"),
    ("conflict", "conflict"),
)
_NAMES = re.compile('"[^"]*"')  # of checks and branches, which may hold any word


def merge_refusal(message: str, status: int = 405) -> str:
    """Why a merge was refused, in the words of `MergeAnswer`."""
    words = _NAMES.sub("", message.lower())
    for part, why in _MERGE_REFUSALS:
        if part in words:
            return why
    return {409: "head_moved", 422: "invalid"}.get(status, "not_mergeable")
