import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneshot_dagster.domain.attempt import Fact
from oneshot_dagster.domain.evidence import EVIDENCE_SCHEMA, Header, Sealed, seal, verify
from oneshot_dagster.domain.run import State

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = Header(change="acme/shop#2", attempt=1, outcome="completed", at=AT, about={"head_sha": "a" * 40})
ARTIFACTS = (
    Sealed(name="patch", sha256="e" * 64, size=12),
    Sealed(name="deployment", sha256=None, size=None, missing="deployment did not run"),
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.binary(max_size=4)
data = st.dictionaries(
    st.text(max_size=8),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5),
    max_size=4,
)


def fact(seq, *, source="engine", values=None):
    return Fact(
        seq=seq, at=AT + timedelta(seconds=seq), source=source, kind="gate", sha="a" * 40, data=values or {"n": seq}
    )


facts = st.lists(
    st.builds(
        lambda seq, source, values: fact(seq, source=source, values=values),
        st.integers(0, 99),
        st.sampled_from(["engine", "git", "agent"]),
        data,
    ),
    max_size=6,
)


@given(facts)
def test_what_is_sealed_verifies_with_and_without_its_head(found):
    content, head = seal(HEADER, found, ARTIFACTS)
    assert verify(content) == verify(content, head)
    assert (verify(content).ok, verify(content).lines, verify(content).head) == (True, len(found) + 2, head)
    assert seal(HEADER, found, ARTIFACTS) == (content, head)
    assert content.isascii()


@settings(max_examples=300)
@given(facts, st.data())
def test_a_flipped_byte_is_found(found, draw):
    content, head = seal(HEADER, found, ARTIFACTS)
    at = draw.draw(st.integers(0, len(content) - 1))
    flipped = content[:at] + bytes([content[at] ^ draw.draw(st.integers(1, 255))]) + content[at + 1 :]
    in_last_line = at >= content[:-1].rfind(b"\n") + 1
    assert not verify(flipped, head).ok
    assert in_last_line or not verify(flipped).ok


@pytest.mark.parametrize("edit", ["drop", "swap", "duplicate", "insert", "cut"])
@given(found=st.lists(st.builds(fact, st.integers(0, 9)), min_size=3, max_size=6), draw=st.data())
def test_a_moved_line_is_found_without_the_head_and_named(edit, found, draw):
    content, head = seal(HEADER, found, ARTIFACTS)
    lines = content.split(b"\n")[:-1]
    at = draw.draw(st.integers(0, len(lines) - 2))
    changed = list(lines)
    match edit:
        case "drop":
            del changed[at]
        case "swap":
            changed[at], changed[at + 1] = changed[at + 1], changed[at]
        case "duplicate":
            changed.insert(at, lines[at])
        case "insert":
            changed.insert(at, b'{"kind":"fact","source":"engine"}')
        case _:
            changed = lines[: at + 1]
    verdict = verify(b"\n".join(changed) + b"\n", head)
    assert not verdict.ok
    assert at + 1 <= verdict.broken_line <= at + 2
    assert not verify(b"\n".join(changed) + b"\n").ok


@settings(max_examples=200)
@given(found=st.lists(st.builds(fact, st.integers(0, 9)), min_size=1, max_size=5), draw=st.data())
def test_whatever_is_rewritten_and_hashed_anew_is_found_against_the_head(found, draw):
    """By whoever knows the format: a fact, the header or an artifact says something else, a fact is added, gone or moved."""
    content, head = seal(HEADER, found, ARTIFACTS)
    at = draw.draw(st.integers(0, len(found) - 1))
    facts_, header, artifacts = list(found), HEADER, ARTIFACTS
    match draw.draw(st.sampled_from(["change", "add", "drop", "source", "header", "artifact"])):
        case "change":
            facts_[at] = replace(facts_[at], data={"n": "rewritten"})
        case "add":
            facts_.insert(at, fact(99))
        case "drop":
            del facts_[at]
        case "source":
            facts_[at] = replace(facts_[at], source="agent")
        case "header":
            header = replace(HEADER, outcome="needs_human")
        case _:
            artifacts = (replace(ARTIFACTS[0], sha256="f" * 64), *ARTIFACTS[1:])
    forged, other = seal(header, facts_, artifacts)
    assert forged != content
    assert (verify(forged).ok, verify(forged, other).ok, verify(forged, head).ok) == (True, True, False)
    assert head in (verify(forged, head).problem or "")


def test_a_chain_hashed_anew_is_found_only_against_the_head():
    _, head = seal(HEADER, [fact(1)], ARTIFACTS)
    forged, _ = seal(HEADER, [fact(1, values={"n": 2})], ARTIFACTS)
    assert verify(forged).ok
    assert not verify(forged, head).ok
    assert verify(forged, head).broken_line == 3


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\n", b"not json\n", b"[" * 100_000 + b"\n", b'{"a":1}']
)
def test_anything_else_is_not_evidence(content):
    verdict = verify(content)
    assert not verdict.ok
    assert verdict.problem
    assert verdict.broken_line


def test_the_end_must_be_the_seal_and_whole():
    content, _ = seal(HEADER, [fact(1), fact(2)], ARTIFACTS)
    assert not verify(content[:-1]).ok
    assert not verify(b"\n".join(content.split(b"\n")[:-2]) + b"\n").ok
    assert not verify(content + content).ok
    assert verify(content + b"more").problem == "the last line is cut"


def test_the_seal_lists_what_is_missing_apart_from_what_is_there():
    content, _ = seal(HEADER, [fact(1), fact(2, source="agent")], ARTIFACTS)
    last = json.loads(content.split(b"\n")[-2])
    assert last["counts"] == {"agent": 1, "engine": 1}
    assert last["artifacts"] == [
        {"name": "deployment", "missing": "deployment did not run"},
        {"name": "patch", "sha256": "e" * 64, "size": 12},
    ]


def test_a_line_whose_number_is_wrong_is_found_even_where_the_chain_is_hashed_anew():
    content, _ = seal(HEADER, [], ())
    lines = content.split(b"\n")
    lines[1] = lines[1].replace(b'"line":2', b'"line":3')
    verdict = verify(b"\n".join(lines))
    assert (verdict.broken_line, verdict.problem) == (2, "says it is line 3")


def test_a_seal_that_counts_other_facts_is_found():
    content, _ = seal(HEADER, [fact(1)], ARTIFACTS)
    lines = content.split(b"\n")
    lines[-2] = lines[-2].replace(b'"facts":1', b'"facts":2')
    assert verify(b"\n".join(lines)).problem == "the seal counts other facts than there are"


ODD = [
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (0.1, 0.1),
    (2**60, str(2**60)),
    (2**53, 2**53),
    (True, True),
    (State.MERGED, "merged"),
    (PurePosixPath("a/b"), "a/b"),
    ((1, "x"), [1, "x"]),
    ({"b", "a"}, ["a", "b"]),
    ({1: None}, {"1": None}),
    ("line\nbreak\u2028\ud800", "line\nbreak\u2028\ud800"),
    (datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T12:00:00.000000+00:00"),
    (datetime(2026, 3, 1, 12), "2026-03-01T12:00:00.000000+00:00"),  # noqa: DTZ001  # what a careless caller gives
]


@pytest.mark.parametrize(("value", "written"), ODD)
def test_odd_values_are_written_as_one_line_of_plain_json(value, written):
    content, head = seal(HEADER, [fact(1, values={"x": value})], ())
    line = content.split(b"\n")[1]
    assert json.loads(line, parse_constant=pytest.fail)["data"] == {"x": written}
    assert verify(content, head).lines == 3


def fits(value, schema):
    """As much of JSON Schema as ours uses."""
    kinds = {"object": dict, "string": str, "integer": int, "array": list, "null": type(None)}
    if "oneOf" in schema:
        return sum(fits(value, one) for one in schema["oneOf"]) == 1
    if "const" in schema:
        return value == schema["const"]
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, kinds[name]) for name in named):
        return False
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(schema["required"]) <= set(value) <= set(known) and all(fits(value[k], known[k]) for k in value)
    if isinstance(value, list):
        return all(fits(item, schema["items"]) for item in value)
    return re.search(schema.get("pattern", ""), value) is not None if isinstance(value, str) else True


@given(facts)
def test_every_line_fits_the_published_schema(found):
    content, _ = seal(HEADER, found, ARTIFACTS)
    lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
    assert all(fits(line, EVIDENCE_SCHEMA) for line in lines)
    assert not fits({**lines[0], "extra": 1}, EVIDENCE_SCHEMA)


def test_the_published_schema_is_the_one_that_holds():
    published = Path(__file__).parents[2] / "docs" / "evidence.schema.json"
    assert json.loads(published.read_text()) == EVIDENCE_SCHEMA
