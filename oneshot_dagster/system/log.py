"""How we log, and the one place that takes secrets out of a text: known values, and what looks like a token."""

import base64
import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import TextIO
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_SHORTEST = 6  # a shorter value would blot out ordinary words

_URL_SAFE = r"[A-Za-z0-9_-]"
_PATTERNS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", REDACTED),
        (r"\bgh[opsur]_[A-Za-z0-9_]{16,}", REDACTED),
        (r"\bgithub_pat_[A-Za-z0-9_]{16,}", REDACTED),
        # A digit, a capital or a "=" tells a credential from the next word of a sentence.
        (r"\b((?i:bearer|basic|token))( +|%20)(?=[\w.~+/-]*[0-9A-Z=])[A-Za-z0-9._~+/=-]{8,}", rf"\1\2{REDACTED}"),
        (r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", rf"\1{REDACTED}@"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", REDACTED),
        (rf"\beyJ{_URL_SAFE}{{6,}}\.{_URL_SAFE}{{4,}}\.{_URL_SAFE}*", REDACTED),
        (rf"\bsk-{_URL_SAFE}{{16,}}", REDACTED),
        (r"\bxox[abeprs]-[A-Za-z0-9-]{10,}", REDACTED),
        (r"\bglpat-[A-Za-z0-9_-]{16,}", REDACTED),
        (r"\bAIza[A-Za-z0-9_-]{30,}", REDACTED),
    )
)


def forms(secret: str) -> frozenset[str]:
    """The value as it is, in JSON, in a URL, and in base64 at any place of a longer text."""
    raw = secret.encode()
    found = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        # Of base64 only the characters that hold nothing but the secret's bits are the same wherever it stands.
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        encoded = base64.b64encode(b"\0" * before + raw).decode()[first:last]
        found |= {encoded, encoded.translate(str.maketrans("+/", "-_"))}
    return frozenset(form for form in found if len(form) >= _SHORTEST)


def cleaner(secrets: Iterable[str]) -> Callable[[bytes], bytes]:
    """Takes these values, in any of their forms, out of what somebody said."""
    known = sorted({form.encode() for secret in secrets for form in forms(secret)}, key=len, reverse=True)

    def clean(said: bytes) -> bytes:
        for form in known:
            said = said.replace(form, REDACTED.encode())
        return said

    return clean


def holds(content: bytes, secrets: Iterable[str]) -> bool:
    """Whether one of these values, in any of its forms, is in there."""
    return any(form.encode() in content for secret in secrets for form in forms(secret))


def without(text: str, known: Iterable[str]) -> str:
    """The text with the known forms, longest first, and whatever looks like a token taken out."""
    for form in known:
        text = text.replace(form, REDACTED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class _Known:
    def __init__(self) -> None:
        self.longest_first: tuple[str, ...] = ()


_known = _Known()


def register_secret(secret: str) -> None:
    """From now on the value, in any of its forms, is taken out of logs. Values under six characters are not."""
    known = forms(secret) | set(_known.longest_first)
    _known.longest_first = tuple(
        sorted((form for form in known if len(form) >= _SHORTEST), key=lambda form: (-len(form), form))
    )


def redact(text: str) -> str:
    """`without` what was registered in this process."""
    return without(text, _known.longest_first)


def configure(*, as_json: bool = False, stream: TextIO | None = None) -> None:
    """Sets structlog up for this process: lines for people, or a JSON object a line; secrets leave the finished line."""
    out = stream if stream is not None else sys.stderr
    rendering: list[Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *rendering,
            _redact_line,
        ],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _redact_line(_logger: WrappedLogger, _name: str, line: "EventDict | str") -> str:
    return redact(str(line))
