"""The evidence bundle: facts a line, each line with the hash of the one before it, sealed by a last line.
Who keeps the last hash can tell any change; without it a rewritten chain looks whole. Storing it is steps/evidence."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import cast

from oneshot_dagster.domain.attempt import Fact

SCHEMA_ID = "urn:oneshot:evidence:1"
_VERSION = 1
_NOTHING_BEFORE = "0" * 64
_EXACT = 2**53  # above it other JSON readers round whole numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """`at` is when it was sealed, by the database's clock; `about` says more of the attempt (SHAs, PR, mode, outcome)."""

    change: str
    attempt: int
    outcome: str
    at: datetime
    about: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """One artifact in the seal: its file's hash and size, or, `sha256` None, `missing` with the step that did not run."""

    name: str
    sha256: str | None
    size: int | None
    missing: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """`broken_line` counts from 1. `head` is the hash of the last line as it is in the content."""

    ok: bool
    lines: int
    head: str
    broken_line: int | None = None
    problem: str | None = None


def seal(header: Header, facts: Sequence[Fact], artifacts: Sequence[Sealed]) -> tuple[bytes, str]:
    """The content of evidence.jsonl and its head hash. The same input gives the same bytes."""
    lines: list[bytes] = []
    prev = _NOTHING_BEFORE
    for body in (_header(header), *map(_fact, facts), _seal(facts, artifacts)):
        line = _encode({**body, "line": len(lines) + 1, "prev": prev})
        lines.append(line)
        prev = _hash(line)
    return b"".join(line + b"\n" for line in lines), prev


def verify(content: bytes, head: str | None = None) -> Verified:
    """`head` is the hash that was kept elsewhere; without it a flip in the last line or a new chain goes unseen."""
    lines = content.split(b"\n")
    complete = lines.pop() == b""
    found = _hash(lines[-1]) if lines else _NOTHING_BEFORE
    broken = _first_break(lines, complete=complete)
    if broken is None and head is not None and head != found:
        broken = (len(lines), f"the last line's hash is {found}, on record is {head}")
    if broken is None:
        return Verified(ok=True, lines=len(lines), head=found)
    return Verified(ok=False, lines=len(lines), head=found, broken_line=broken[0], problem=broken[1])


def _first_break(lines: Sequence[bytes], *, complete: bool) -> tuple[int, str] | None:
    prev = _NOTHING_BEFORE
    parsed: list[Mapping[str, object]] = []
    for number, line in enumerate(lines, 1):
        body = _decode(line)
        problem = _line_problem(body, number, prev, last=number == len(lines))
        if body is None or problem is not None:
            return number, problem or "is not a JSON object"
        parsed.append(body)
        prev = _hash(line)
    if not complete:
        return len(lines) + 1, "the last line is cut"
    if len(parsed) < 2:
        return len(parsed) + 1, "ends before the seal"
    counted = _counts([str(body.get("source")) for body in parsed[1:-1]])
    if parsed[-1].get("counts") != counted or parsed[-1].get("facts") != len(parsed) - 2:
        return len(parsed), "the seal counts other facts than there are"
    return None


def _line_problem(body: Mapping[str, object] | None, number: int, prev: str, *, last: bool) -> str | None:
    if body is None:
        return "is not a JSON object"
    if body.get("prev") != prev:
        return f"names {body.get('prev')} as the hash of the line before it, which has {prev}"
    if body.get("line") != number:
        return f"says it is line {body.get('line')}"
    if number == 1 and (body.get("kind"), body.get("schema"), body.get("version")) != ("header", SCHEMA_ID, _VERSION):
        return f"is not the header of {SCHEMA_ID}"
    expected = "header" if number == 1 else "seal" if last else "fact"
    return None if body.get("kind") == expected else f"is a {body.get('kind')} where a {expected} belongs"


def _header(header: Header) -> dict[str, object]:
    return {
        "kind": "header",
        "version": _VERSION,
        "schema": SCHEMA_ID,
        "change": header.change,
        "attempt": header.attempt,
        "outcome": header.outcome,
        "at": header.at,
        "about": header.about,
    }


def _fact(fact: Fact) -> dict[str, object]:
    return {
        "kind": "fact",
        "seq": fact.seq,
        "at": fact.at,
        "source": fact.source,
        "fact": fact.kind,
        "sha": fact.sha,
        "data": fact.data,
    }


def _seal(facts: Sequence[Fact], artifacts: Sequence[Sealed]) -> dict[str, object]:
    return {
        "kind": "seal",
        "facts": len(facts),
        "counts": _counts([fact.source for fact in facts]),
        "artifacts": [
            {"name": a.name, "sha256": a.sha256, "size": a.size}
            if a.sha256
            else {"name": a.name, "missing": a.missing or "no file"}
            for a in sorted(artifacts, key=lambda artifact: artifact.name)
        ],
    }


def _counts(sources: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(sources).items()))


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _encode(body: Mapping[str, object]) -> bytes:
    return json.dumps(_plain(body), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _plain(value: object) -> object:
    """What JSON says alike in every language: keys as text, times in UTC, other kinds of value as text."""
    match value:
        case bool() | None | str():
            return str(value) if isinstance(value, str) else value
        case int():
            return int(value) if -_EXACT <= value <= _EXACT else str(int(value))
        case float():
            return float(value) if isfinite(value) else str(value)
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat(timespec="microseconds")
        case Mapping():
            return {str(key): _plain(item) for key, item in cast("Mapping[object, object]", value).items()}
        case list() | tuple() | set() | frozenset():
            items = [_plain(item) for item in cast("Sequence[object]", value)]
            return sorted(items, key=repr) if isinstance(value, set | frozenset) else items
        case _:
            return str(value)


def _decode(line: bytes) -> Mapping[str, object] | None:
    try:
        body: object = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", body) if isinstance(body, dict) else None


_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TIME = {"type": "string", "format": "date-time"}
_CHAIN = {"line": {"type": "integer", "minimum": 1}, "prev": _SHA256}


def _object(required: Mapping[str, object], optional: Mapping[str, object] | None = None) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


EVIDENCE_SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": SCHEMA_ID,
    "title": "One line of evidence.jsonl",
    "description": "prev is the SHA-256 of the raw bytes of the line before, without its newline; 64 zeros in the first.",
    "oneOf": [
        _object(
            {
                "kind": {"const": "header"},
                "version": {"const": _VERSION},
                "schema": {"const": SCHEMA_ID},
                "change": {"type": "string"},
                "attempt": {"type": "integer", "minimum": 1},
                "outcome": {"type": "string"},
                "at": _TIME,
                "about": {"type": "object"},
                **_CHAIN,
            }
        ),
        _object(
            {
                "kind": {"const": "fact"},
                "seq": {"type": "integer"},
                "at": _TIME,
                "source": {"type": "string"},
                "fact": {"type": "string"},
                "sha": {"type": ["string", "null"]},
                "data": {"type": "object"},
                **_CHAIN,
            }
        ),
        _object(
            {
                "kind": {"const": "seal"},
                "facts": {"type": "integer", "minimum": 0},
                "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                "artifacts": {
                    "type": "array",
                    "items": {
                        "oneOf": [
                            _object({"name": {"type": "string"}, "sha256": _SHA256, "size": {"type": "integer"}}),
                            _object({"name": {"type": "string"}, "missing": {"type": "string"}}),
                        ]
                    },
                },
                **_CHAIN,
            }
        ),
    ],
}
