"""A delivery of GitHub's webhook: whether it is signed, and the few fields of it that we read. Pure.
Everything else in a payload is kept as it came and never looked at; what an event means to us is another module's."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

Json = Mapping[str, object]
LONGEST_WORD = 255  # of the headers that we keep: an event's name, a delivery's id


class Unreadable(ValueError):
    """A body or a header that GitHub would not send."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """`repository` is lower case, "" where the event is of none; `body` is the payload as it came."""

    delivery_id: str
    event_type: str
    action: str | None
    repository: str
    issue_number: int | None
    pr_number: int | None
    commit_sha: str | None
    sender_login: str | None
    body: str


def is_signed(secret: bytes, body: bytes, signature: str) -> bool:
    """`signature` is the header X-Hub-Signature-256, over the raw bytes.

    https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    """
    expected = "sha256=" + hmac.new(secret, body, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def read_event(*, delivery_id: str, event_type: str, body: bytes) -> Event:
    """Raises Unreadable. Fields that are missing or of another type are None: a payload may grow, shrink and change."""
    if not (0 < len(delivery_id) <= LONGEST_WORD and 0 < len(event_type) <= LONGEST_WORD):
        raise Unreadable("no delivery id or no event name")
    try:
        text = body.decode()
        payload: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(payload, dict):
        raise Unreadable("not an object")
    return _event(delivery_id, event_type, cast("Json", payload), text)


def _event(delivery_id: str, event_type: str, payload: Json, text: str) -> Event:
    issue, pull = _part(payload, "issue"), _part(payload, "pull_request")
    is_pull = "pull_request" in issue
    return Event(
        delivery_id=delivery_id,
        event_type=event_type,
        action=_word(payload.get("action")),
        repository=(_word(_part(payload, "repository").get("full_name")) or "").lower(),
        issue_number=None if is_pull else _number(issue.get("number")),
        pr_number=_number(pull.get("number")) or (_number(issue.get("number")) if is_pull else None),
        commit_sha=_sha(payload, pull),
        sender_login=_word(_part(payload, "sender").get("login")),
        body=text,
    )


def _sha(payload: Json, pull: Json) -> str | None:
    """The commit that an event is about: a pull request's head, a check's, a status's, what a push left."""
    places = (
        _part(pull, "head").get("sha"),
        *(_part(payload, name).get("head_sha") for name in ("check_run", "check_suite", "workflow_run")),
        payload.get("sha"),
        _part(payload, "deployment").get("sha"),
        payload.get("after"),
    )
    return next((word for place in places if (word := _word(place))), None)


def _part(payload: Json, name: str) -> Json:
    value = payload.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value[:LONGEST_WORD] if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
