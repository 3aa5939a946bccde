"""How a single value of `.oneshot.toml` is read, and on which line of the text it stands.
Which keys there are, and what they mean together, is policy.py."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}):([1-9][0-9]{0,4})")
_APPLICATION = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,62}/)?[a-z0-9][a-z0-9.-]{0,252}")
_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_ANNOTATION = re.compile(r"(?:[a-z0-9][a-z0-9.-]{0,252}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_OURS = ("ONESHOT_", "LD_", "GIT_", "PYTHON", "DAGSTER_", "NODE_")
_URL = re.compile(r"https?://[^\s/?#@]+[^\s]*")
_TABLE = re.compile(r"\s*\[\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*\]")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*(?:=|\.\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=)")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value cannot be used, in words that follow the key."""

    words: str


Reader = Callable[[object], object]


def text(value: object) -> object:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value
    return Problem(f"must be a text that is not empty, found {_shown(value)}")


def flag(value: object) -> object:
    return value if isinstance(value, bool) else Problem(f"must be true or false, found {_shown(value)}")


def duration(value: object) -> object:
    """Seconds; `0s` is none at all, which only some keys allow."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return Problem(f'must be a duration like "60s", "10m", "2h" or "7d", found {_shown(value)}')
    return int(match[1]) * _SECONDS[match[2]]


def some_time(value: object) -> object:
    seconds = duration(value)
    return Problem("must be longer than 0s") if seconds == 0.0 else seconds


def money(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(cast("float", value)) and cast("float", value) > 0:
        return float(cast("float", value))
    return Problem(f"must be a number above 0, found {_shown(value)}")


def whole(least: int) -> Reader:
    def read(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= 10**12:
            return value
        return Problem(f"must be a whole number, at least {least}, found {_shown(value)}")

    return read


def one_of(*words: str) -> Reader:
    def read(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        return Problem(f"must be one of {', '.join(words)}, found {_shown(value)}")

    return read


def many(each: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list):
            return Problem(f"must be a list in [ ], found {_shown(value)}")
        found = [each(item) for item in cast("list[object]", value)]
        wrong = [f"entry {n}: {item.words}" for n, item in enumerate(found, 1) if isinstance(item, Problem)]
        return Problem("; ".join(wrong)) if wrong else tuple(found)

    return read


def inner_path(value: object) -> object:
    """A file or a glob inside the repository."""
    parts = value.split("/") if isinstance(value, str) and value.strip() else []
    if not parts or parts[0] == "" or ".." in parts or "\0" in str(value):
        return Problem(f"must be a path inside the repository, relative to its root, found {_shown(value)}")
    return value


def variable(value: object) -> object:
    """The name of an environment variable; those that say where programs are or how they load belong to the platform."""
    name = value if isinstance(value, str) and _VARIABLE.fullmatch(value) else ""
    if not name or name.startswith(_OURS) or name in {"PATH", "HOME", "TMPDIR", "SHELL", "BASH_ENV", "ENV"}:
        return Problem(f"must be the name of a variable like SHOP_TOKEN, found {_shown(value)}")
    return name


def host(value: object) -> object:
    match = _HOST.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 65535:
        return Problem(f'must be "host:port", found {_shown(value)}')
    return value


def url(value: object) -> object:
    if isinstance(value, str) and _URL.fullmatch(value):
        return value
    return Problem(f"must be an http or https address without a login in it, found {_shown(value)}")


def application(value: object) -> object:
    """Of Argo CD."""
    if isinstance(value, str) and _APPLICATION.fullmatch(value):
        return value
    return Problem(f'must be the name of an application, or "namespace/name", found {_shown(value)}')


def trailer(value: object) -> object:
    if isinstance(value, str) and _TRAILER.fullmatch(value):
        return value
    return Problem(f'must be the key of a commit\'s trailer, like "Source-Commit", found {_shown(value)}')


def annotation(value: object) -> object:
    if isinstance(value, str) and _ANNOTATION.fullmatch(value):
        return value
    return Problem(f'must be an annotation\'s name, like "example.com/source-commit", found {_shown(value)}')


def lines_of(text: str) -> dict[str, int]:
    """The line of each `key`, `[section]` and `section.key`, by a scan that leaves multi-line texts out."""
    found: dict[str, int] = {}
    section, quoted = "", False
    for number, line in enumerate(text.splitlines(), 1):
        was_quoted = quoted
        quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
        if was_quoted:
            continue
        if table := _TABLE.match(line):
            section = table[1]
            found.setdefault(section, number)
        elif key := _KEY.match(line):
            dotted = ".".join(part for part in (section, key[1], key[2]) if part)
            found.setdefault(dotted, number)
            found.setdefault(dotted.split(".", maxsplit=1)[0], number)
    return found


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
