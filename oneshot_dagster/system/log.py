"""How we log, and the one place that takes secrets out of a text: known values, and what looks like a token."""

import re
import sys
from collections.abc import Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from oneshot_dagster.system.secret_forms import REDACTED, SHORTEST, forms

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
        sorted((form for form in known if len(form) >= SHORTEST), key=lambda form: (-len(form), form))
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
