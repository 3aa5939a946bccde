"""A model's opinion on a change: the schema that it is asked for, and the strict reading of what it answered, both of the same
pydantic models. What does not read is a judge failure and never a pass. How opinion and rules make an evaluation is evaluation.py."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

_LONGEST_ANSWER = 256 * 1024
_LONGEST_TEXT = 4_000
_LONGEST_PROMPT = 20_000
_MOST_ENTRIES = 100
_MOST_TOLD = 5
_WHERE = re.compile(r"[^\s:][^:\n]*:[1-9][0-9]{0,8}(?:-[1-9][0-9]{0,8})?")
# What structured outputs of model APIs know of a schema; the lengths are held when the answer is read.
_ASKED = frozenset({"type", "enum", "anyOf", "items", "properties", "required", "additionalProperties", "description"})


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


class _Malformed(Exception):
    """Leaves this module only as a JudgeFailure."""


def parse_opinion(raw: str) -> ModelOpinion | JudgeFailure:
    """The whole answer must be one JSON object of `OPINION_SCHEMA`, free of contradiction."""
    try:
        return _Answer.model_validate(_json(raw)).opinion()
    except ValidationError as error:
        return JudgeFailure(_clause(error))
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


def _storable(text: str) -> str:
    """JSON can spell NUL, a database does not take it. Halves of a surrogate pair pydantic refuses."""
    if "\0" in text:
        raise PydanticCustomError("storable", "holds NUL")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("said", "is empty")
    return _storable(text)


_Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_said)]
_Texts = Annotated[list[_Text], Field(max_length=_MOST_ENTRIES)]
_Place = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_storable)]
_Prompt = Annotated[str, Field(max_length=_LONGEST_PROMPT), AfterValidator(_said)]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    requirement: _Text
    covered: bool
    where: _Place = Field(description="path:line in the head; empty where not covered")

    @model_validator(mode="after")
    def _names_its_place(self) -> Self:
        if self.covered and _WHERE.fullmatch(self.where) is None:
            raise _contradiction("it calls something covered without its file:line")
        return self


# Its fields in the order in which they are to be written; a docstring would be asked for, too.
class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    decision: Annotated[Decision, Field(strict=False)]  # JSON has no enums: its word is taken
    requirement_coverage: Annotated[list[_Entry], Field(max_length=_MOST_ENTRIES)]
    missing_items: _Texts
    suggested_fixes: _Texts
    next_prompt: _Prompt | None
    memory_notes: _Texts

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        open_ends = self.missing_items or [entry for entry in self.requirement_coverage if not entry.covered]
        if self.decision is Decision.PASS and open_ends:
            raise _contradiction("it says pass and names what is missing")
        if self.decision is Decision.PASS and not self.requirement_coverage:
            raise _contradiction("it says pass and names no requirement")
        if self.decision is Decision.NEEDS_ITERATION and not (open_ends or self.next_prompt):
            raise _contradiction("it says needs_iteration and not what is missing")
        return self

    def opinion(self) -> ModelOpinion:
        return ModelOpinion(
            decision=self.decision,
            coverage=tuple(Requirement(**entry.model_dump()) for entry in self.requirement_coverage),
            missing_items=tuple(self.missing_items),
            suggested_fixes=tuple(self.suggested_fixes),
            next_prompt=self.next_prompt,
            memory_notes=tuple(self.memory_notes),
        )


def _contradiction(said: str) -> PydanticCustomError:
    return PydanticCustomError("contradiction", "{said}", {"said": said})


def _clause(error: ValidationError) -> str:
    """For people, and for the model's next try: some lines at most, and of the answer nothing but its keys, as ASCII."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    odd = [_at(problem["loc"]) for problem in found if problem["type"] in {"missing", "extra_forbidden"}]
    if odd:
        return f"its answer lacks or adds keys: {', '.join(odd[:_MOST_TOLD])}"
    kind, said = found[0]["type"], found[0]["msg"]
    if kind == "contradiction":
        return said
    said = "it is no object" if kind == "model_type" else said[0].lower() + said[1:]
    return f"its {_at(found[0]['loc'])} does not read: {said}"


def _at(steps: tuple[int | str, ...]) -> str:
    return ".".join(ascii(step)[1:-1][:40] if isinstance(step, str) else str(step) for step in steps) or "answer"


def _asked(schema: Mapping[str, object], named: Mapping[str, object]) -> dict[str, object]:
    """With what it refers to in its place, and without what structured outputs do not know."""
    if isinstance(name := schema.get("$ref"), str):
        return _asked(cast("Mapping[str, object]", named[name.rpartition("/")[2]]), named)
    kept = {key: value for key, value in schema.items() if key in _ASKED}
    for key, value in kept.items():
        if key == "properties":
            inner = cast("Mapping[str, Mapping[str, object]]", value)
            kept[key] = {field: _asked(found, named) for field, found in inner.items()}
        elif key == "items":
            kept[key] = _asked(cast("Mapping[str, object]", value), named)
        elif key == "anyOf":
            kept[key] = [_asked(found, named) for found in cast("list[Mapping[str, object]]", value)]
    return kept


def _schema() -> dict[str, object]:
    made = _Answer.model_json_schema()
    return _asked(made, made["$defs"])


OPINION_SCHEMA: dict[str, object] = _schema()
