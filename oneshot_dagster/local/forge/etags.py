"""Conditional requests as GitHub answers them: each GET has an ETag, and who names it again gets 304 without a body."""

import hashlib
from dataclasses import replace

from oneshot_dagster.local.forge.asked import Asked, Reply

_CACHING = {
    "cache-control": "private, max-age=60, s-maxage=60",
    "vary": "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With",
}
_OF_THE_BODY = {"content-type", "content-length", "link"}


def conditional(asked: Asked, reply: Reply) -> Reply:
    if asked.method != "GET" or reply.status != 200:
        return reply
    tag = tag_of(reply)
    tagged = replace(reply, headers={**reply.headers, **_CACHING, "etag": tag})
    if not _named(asked.headers.get("if-none-match", ""), tag):
        return tagged
    kept = {name: value for name, value in tagged.headers.items() if name not in _OF_THE_BODY}
    return Reply(status=304, headers=kept, body=b"")


def tag_of(reply: Reply) -> str:
    """Over the body and the pages that it links to."""
    seen = reply.body + b"\0" + reply.headers.get("link", "").encode()
    return f'W/"{hashlib.sha256(seen).hexdigest()}"'


def _named(if_none_match: str, tag: str) -> bool:
    """The weak comparison: `W/` or not is the same."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag.removeprefix("W/") in named
