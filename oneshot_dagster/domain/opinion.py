"""A model's opinion on a change: the schema that it is asked for, and the strict reading of what it answered.
What does not read is a judge failure and never a pass. How opinion and rules make an evaluation is evaluation.py."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

T = TypeVar("T")
_LONGEST_ANSWER = 256 * 1024
_LONGEST_TEXT = 4_000
_LONGEST_PROMPT = 20_000
_MOST_ENTRIES = 100
_WHERE = re.compile(r"[^\s:][^:\n]*:[1-9][0-9]{0,8}(?:-[1-9][0-9]{0,8})?")


class Decision(StrEnum):
    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    NEEDS_ITERATION = "needs_iteration"
    NEEDS_HUMAN = "needs_human"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One thing that the issue asks for. `where` is file:line, "" where it is not covered."""

    requirement: str
    covered: bool
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOpinion:
    decision: Decision
    coverage: tuple[Requirement, ...]
    missing_items: tuple[str, ...]
    suggested_fixes: tuple[str, ...]
    next_prompt: str | None
    memory_notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """The judge gave no usable answer; `problem` is a clause for people."""

    problem: str


def _texts_schema() -> dict[str, object]:
    return {"type": "array", "items": {"type": "string"}}


# Every property is required and none may be added: the form that structured outputs of model APIs ask for.
OPINION_SCHEMA: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "decision",
        "requirement_coverage",
        "missing_items",
        "suggested_fixes",
        "next_prompt",
        "memory_notes",
    ],
    "properties": {
        "decision": {"type": "string", "enum": [str(decision) for decision in Decision]},
        "requirement_coverage": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["requirement", "covered", "where"],
                "properties": {
                    "requirement": {"type": "string"},
                    "covered": {"type": "boolean"},
                    "where": {"type": "string", "description": "path:line in the head; empty where not covered"},
                },
            },
        },
        "missing_items": _texts_schema(),
        "suggested_fixes": _texts_schema(),
        "next_prompt": {"type": ["string", "null"]},
        "memory_notes": _texts_schema(),
    },
}


class _Malformed(Exception):
    """Leaves this module only as a JudgeFailure."""


def parse_opinion(raw: str) -> ModelOpinion | JudgeFailure:
    """The whole answer must be one JSON object of `OPINION_SCHEMA`, free of contradiction."""
    try:
        return _consistent(_opinion(_json(raw)))
    except _Malformed as malformed:
        return JudgeFailure(str(malformed))


def _json(raw: str) -> object:
    if len(raw) > _LONGEST_ANSWER:
        raise _Malformed(f"its answer is longer than {_LONGEST_ANSWER} characters")
    try:
        return json.loads(raw, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _Malformed(f"its answer is not JSON ({str(error)[:80]})") from None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Malformed("its answer names a key twice")
    return found


def _no_constant(name: str) -> object:
    raise _Malformed(f"its answer holds {name}")


def _opinion(value: object) -> ModelOpinion:
    fields = _object(value, tuple(cast("dict[str, object]", OPINION_SCHEMA["properties"])), "the answer")
    word = fields["decision"]
    if not isinstance(word, str) or word not in set(Decision):
        raise _Malformed(f"its decision is {str(word)[:40]!r}, not one of {', '.join(Decision)}")
    prompt = fields["next_prompt"]
    return ModelOpinion(
        decision=Decision(word),
        coverage=tuple(_list(fields["requirement_coverage"], _requirement, "requirement_coverage")),
        missing_items=tuple(_list(fields["missing_items"], _text, "missing_items")),
        suggested_fixes=tuple(_list(fields["suggested_fixes"], _text, "suggested_fixes")),
        next_prompt=None if prompt is None else _text(prompt, "next_prompt", longest=_LONGEST_PROMPT),
        memory_notes=tuple(_list(fields["memory_notes"], _text, "memory_notes")),
    )


def _object(value: object, keys: tuple[str, ...], name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _Malformed(f"{name} is not an object")
    found = cast("dict[str, object]", value)
    if set(found) != set(keys):
        odd = ", ".join(sorted(set(found) ^ set(keys)))
        raise _Malformed(f"{name} lacks or adds keys: {odd[:200]}")
    return found


def _list(value: object, each: Callable[[object, str], T], name: str) -> list[T]:
    if not isinstance(value, list) or len(cast("list[object]", value)) > _MOST_ENTRIES:
        raise _Malformed(f"{name} is not a list of at most {_MOST_ENTRIES}")
    return [each(item, name) for item in cast("list[object]", value)]


def _text(value: object, name: str, longest: int = _LONGEST_TEXT) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not _storable(value):
        raise _Malformed(f"{name} holds what is no text of 1 to {longest} characters")
    return value


def _storable(text: str) -> bool:
    """No NUL and no half of a surrogate pair: JSON can spell both, a database takes neither."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _requirement(value: object, name: str) -> Requirement:
    fields = _object(value, ("requirement", "covered", "where"), f"an entry of {name}")
    covered, where = fields["covered"], fields["where"]
    if (
        not isinstance(covered, bool)
        or not isinstance(where, str)
        or not _storable(where)
        or len(where) > _LONGEST_TEXT
    ):
        raise _Malformed(f"an entry of {name} is not true or false with a place")
    if covered and _WHERE.fullmatch(where) is None:
        raise _Malformed(f"{name} calls something covered without its file:line")
    return Requirement(requirement=_text(fields["requirement"], name), covered=covered, where=where)


def _consistent(opinion: ModelOpinion) -> ModelOpinion:
    open_ends = opinion.missing_items or [entry for entry in opinion.coverage if not entry.covered]
    if opinion.decision is Decision.PASS and open_ends:
        raise _Malformed("it says pass and names what is missing")
    if opinion.decision is Decision.PASS and not opinion.coverage:
        raise _Malformed("it says pass and names no requirement")
    if opinion.decision is Decision.NEEDS_ITERATION and not (open_ends or opinion.next_prompt):
        raise _Malformed("it says needs_iteration and not what is missing")
    return opinion
