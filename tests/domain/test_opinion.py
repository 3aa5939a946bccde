"""Claims about reading a model's opinion: what is asked for is what is read, and whatever else comes is one clause for people."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.opinion import OPINION_SCHEMA, Decision, JudgeFailure, ModelOpinion, parse_opinion

ASKED = jsonschema_rs.Draft202012Validator(OPINION_SCHEMA)
GOOD = {
    "decision": "pass",
    "requirement_coverage": [{"requirement": "a discount", "covered": True, "where": "src/shop.py:3"}],
    "missing_items": [],
    "suggested_fixes": [],
    "next_prompt": None,
    "memory_notes": ["prices are in cents"],
}
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1).filter(str.strip)
covered = st.fixed_dictionaries({"requirement": texts, "covered": st.just(True), "where": st.just("a b.py:1-2")})
open_ones = st.fixed_dictionaries({"requirement": texts, "covered": st.just(False), "where": st.just("")})
lists = st.lists(texts, max_size=3)
passes = st.fixed_dictionaries(
    {
        "decision": st.just("pass"),
        "requirement_coverage": st.lists(covered, min_size=1, max_size=3),
        "missing_items": st.just([]),
        "suggested_fixes": lists,
        "next_prompt": st.none() | texts,
        "memory_notes": lists,
    }
)
iterations = st.fixed_dictionaries(
    {
        "decision": st.just("needs_iteration"),
        "requirement_coverage": st.lists(covered | open_ones, max_size=3),
        "missing_items": st.lists(texts, min_size=1, max_size=3),
        "suggested_fixes": lists,
        "next_prompt": st.none() | texts,
        "memory_notes": lists,
    }
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(list(Decision)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bent(draw: st.DrawFn) -> dict[str, Any]:
    """An answer of the right form, with anything at all in one or two places."""
    answer = draw(passes | iterations)
    for _ in range(draw(st.integers(1, 2))):
        key = draw(st.sampled_from(sorted(answer)) | st.text(st.characters(), max_size=60))
        if key == "requirement_coverage" and answer.get(key):
            odd = answer[key][0] | {draw(st.sampled_from(sorted(answer[key][0])) | st.text()): draw(anything)}
            answer[key] = [*answer[key], odd]
        elif draw(st.booleans()):
            answer[key] = draw(anything)
        else:
            answer.pop(key, None)
    return answer


def reads(opinion: ModelOpinion) -> dict[str, Any]:
    entries = [{"requirement": e.requirement, "covered": e.covered, "where": e.where} for e in opinion.coverage]
    return {
        "decision": str(opinion.decision),
        "requirement_coverage": entries,
        "missing_items": list(opinion.missing_items),
        "suggested_fixes": list(opinion.suggested_fixes),
        "next_prompt": opinion.next_prompt,
        "memory_notes": list(opinion.memory_notes),
    }


@given(passes | iterations)
def test_an_answer_as_it_is_asked_for_is_read_whole(answer: dict[str, Any]) -> None:
    read = parse_opinion(json.dumps(answer))
    assert isinstance(read, ModelOpinion), read
    assert reads(read) == answer
    assert ASKED.is_valid(answer)


@given(bent())
def test_what_is_not_as_it_is_asked_for_is_never_read_and_what_is_read_is_as_it_stands(answer: dict[str, Any]) -> None:
    read = parse_opinion(json.dumps(answer))
    if isinstance(read, ModelOpinion):
        assert reads(read) == answer
        assert ASKED.is_valid(answer)
    else:
        assert 0 < len(read.problem) < 1000
        assert read.problem.isprintable()


def test_the_schema_is_of_the_form_that_structured_outputs_ask_for() -> None:
    """Every property required, none added, and no word beside those that they know."""
    known = {"type", "enum", "anyOf", "items", "properties", "required", "additionalProperties", "description"}

    def look(found: dict[str, Any]) -> None:
        assert set(found) <= known
        if found.get("type") == "object":
            assert found["additionalProperties"] is False
            assert found["required"] == list(found["properties"])
        for inner in (
            *found.get("properties", {}).values(),
            *found.get("anyOf", ()),
            *filter(None, [found.get("items")]),
        ):
            look(inner)

    look(OPINION_SCHEMA)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"confidence": 1}, "its answer lacks or adds keys: confidence"),
        ({"missing_items": "none"}, "its missing_items does not read: input should be a valid list"),
        ({"missing_items": ["a test"]}, "it says pass and names what is missing"),
        ({"requirement_coverage": []}, "it says pass and names no requirement"),
        ({"memory_notes": ["fine", ""]}, "its memory_notes.1 does not read: is empty"),
        ({"requirement_coverage": [[]]}, "its requirement_coverage.0 does not read: it is no object"),
    ],
)
def test_a_failure_says_in_one_clause_where_it_does_not_read(changes: dict[str, Any], says: str) -> None:
    assert parse_opinion(json.dumps(GOOD | changes)) == JudgeFailure(says)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ('{"a": 1, "a": 1}', "its answer names a key twice"),
        ('{"a": Infinity}', "its answer holds Infinity"),
        (json.dumps(GOOD) + " " * 300_000, "its answer is longer than 262144 characters"),
    ],
)
def test_what_json_readers_forgive_is_refused_before(raw: str, says: str) -> None:
    assert parse_opinion(raw) == JudgeFailure(says)
