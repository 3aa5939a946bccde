"""A secret in the letters in which it may stand somewhere, and the search for it. What looks like a secret, without being known as
one, is log.py's."""

import base64
import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
SHORTEST = 6  # a shorter value would blot out ordinary words
_WRAPPED = 16  # a shorter one may come together by chance where line ends and blanks are left out
_BLANKS = b" \t\r\n"
_MOST = 1_000


def forms(secret: str) -> frozenset[str]:
    """The value as it is, in JSON, for a shell, in a URL, in hex, and in base64 at any place of a longer text."""
    found = {secret, *_quoted(secret), *_spelled(secret.encode()), *_base64(secret.encode())}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _quoted(secret: str) -> Iterator[str]:
    for ascii_alone in (True, False):
        said = json.dumps(secret, ensure_ascii=ascii_alone)[1:-1]
        yield from (said, said.replace("/", "\\/"))
    yield from (shlex.quote(secret), secret.replace("'", r"'\''"))
    yield from (re.sub(escaped, r"\\\g<0>", secret) for escaped in (r"[^\w@%+=:,./-]", r'[$`"\\]'))
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield from (encoded, re.sub(r"%..", lambda found: found[0].lower(), encoded))


def _spelled(raw: bytes) -> Iterator[str]:
    """Byte by byte."""
    for pattern in (
        "{:02x}",
        "{:02X}",
        "%{:02x}",
        "%{:02X}",
        "\\x{:02x}",
        "\\x{:02X}",
        "\\u{:04x}",
        "\\u{:04X}",
        "\\{:03o}",
    ):
        yield "".join(pattern.format(byte) for byte in raw)


def _base64(raw: bytes) -> Iterator[str]:
    for before in range(3):
        # Only the characters that hold nothing but the secret's bits are the same wherever it stands.
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        encoded = base64.b64encode(b"\0" * before + raw).decode()[first:last]
        yield from (encoded, encoded.translate(str.maketrans("+/", "-_")))


def cleaner(secrets: Iterable[str]) -> Callable[[bytes], bytes]:
    """Takes these values, in any of their forms, out of what somebody said."""
    known = sorted({form.encode() for secret in secrets for form in forms(secret)}, key=len, reverse=True)

    def clean(said: bytes) -> bytes:
        for form in known:
            said = said.replace(form, REDACTED.encode())
        return said

    return clean


class Search:
    """For these values, in any of their forms; the longer ones also where blanks or line ends stand in between, as in the lines
    of wrapped base64."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = tuple({form.encode() for secret in secrets for form in forms(secret)})
        self._wrapped = tuple(form for form in self._forms if len(form) >= _WRAPPED)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def finds(self, content: bytes) -> bool:
        return any(form in content for form in self._forms) or bool(self._joined(content))

    def lines(self, content: bytes) -> tuple[int, ...]:
        """The numbers of the first lines in which one begins."""
        whole = _numbers(_places(content, self._forms), (len(line) + 1 for line in content.split(b"\n")))
        return whole or self._joined(content)

    def _joined(self, content: bytes) -> tuple[int, ...]:
        places = _places(content.translate(None, _BLANKS), self._wrapped)
        return _numbers(places, (len(line.translate(None, _BLANKS)) for line in content.split(b"\n")))


def _numbers(places: Iterable[int], lengths: Iterable[int]) -> tuple[int, ...]:
    some = tuple(islice(places, _MOST))
    ends = tuple(accumulate(lengths)) if some else ()
    return tuple(sorted({bisect_right(ends, place) + 1 for place in some}))


def _places(content: bytes, forms: Iterable[bytes]) -> Iterator[int]:
    for form in forms:
        place = content.find(form)
        while place >= 0:
            yield place
            place = content.find(form, place + len(form))
