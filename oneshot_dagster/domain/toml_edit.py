"""Sets keys in a TOML text and leaves everything else as a person wrote it, comments too.
What cannot be set so, and proved by reading it again, is refused instead of being mangled."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import cast

Value = str | Sequence[str] | None
_TABLE = re.compile(r"\s*\[")


def toml(value: str | Sequence[str]) -> str:
    """A text, or a list of texts, on one line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(toml(one) for one in value)}]"


def with_keys(text: str, section: str, values: Mapping[str, Value]) -> str | None:
    """`section` "" is the top; a value None takes the key away. None where the text does not allow it."""
    try:
        wanted = _expected(tomllib.loads(text), section, values)
        made = _edited(text.splitlines(), section, values)
        return made if wanted is not None and tomllib.loads(made) == wanted else None
    except tomllib.TOMLDecodeError:
        return None


def _expected(document: dict[str, object], section: str, values: Mapping[str, Value]) -> dict[str, object] | None:
    inner = document.get(section, {}) if section else document
    if not isinstance(inner, dict):
        return None
    kept = {name: found for name, found in cast("dict[str, object]", inner).items() if name not in values}
    given = {name: value if isinstance(value, str) else list(value) for name, value in values.items() if value}
    return {**document, section: {**kept, **given}} if section else {**kept, **given}


def _edited(lines: list[str], section: str, values: Mapping[str, Value]) -> str:
    written = [f"{name} = {toml(value)}" for name, value in values.items() if value]
    begins = _begins(lines, section)
    if begins is None:
        gap = [""] if lines else []
        return "\n".join([*lines, *gap, f"[{section}]", *written]) + "\n"
    ends = next((n for n in range(begins, len(lines)) if _TABLE.match(lines[n])), len(lines))
    keys = re.compile(rf"\s*(?:{'|'.join(map(re.escape, values))})\s*=")
    kept = [line for line in lines[begins:ends] if not keys.match(line)]
    while kept and not kept[-1].strip():
        kept.pop()
    gap = [""] if ends < len(lines) else []
    return "\n".join([*lines[:begins], *kept, *written, *gap, *lines[ends:]]) + "\n"


def _begins(lines: list[str], section: str) -> int | None:
    """The line after the section's header."""
    if not section:
        return 0
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(?:#.*)?")
    return next((n + 1 for n, line in enumerate(lines) if header.fullmatch(line)), None)
