"""Reading a JUnit report: untrusted XML from a test run to results of single tests, bounded and without entities.
What the results mean for a suite is test_results.py."""

import math
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.parsers import expat

LARGEST = 16 * 2**20  # bytes
MOST_CASES = 50_000
_MESSAGE = 2_000  # characters of a failure that are kept
_NAME = 300
_DEEPEST = 50
_MOST_ELEMENTS = 8 * MOST_CASES


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    name: str
    outcome: str  # passed | failed | error | skipped
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A report that gives no answer; `why` is a clause for people."""

    why: str


def parse_junit(xml: bytes) -> tuple[CaseResult, ...] | Unreadable:
    """All test cases of the report in its order, at whatever depth of suites they stand."""
    if len(xml) > LARGEST:
        return Unreadable(f"its JUnit report is larger than {LARGEST} bytes")
    try:
        root = _tree(xml)
    except (_Refused, expat.ExpatError, ValueError, LookupError) as error:
        return Unreadable(f"its JUnit report cannot be read ({str(error)[:100]})")
    if root is None or root.tag.rsplit("}", 1)[-1] not in {"testsuites", "testsuite"}:
        return Unreadable("its report is not JUnit's (no testsuite in it)")
    cases = [element for element in root.iter() if element.tag.rsplit("}", 1)[-1] == "testcase"]
    if len(cases) > MOST_CASES:
        return Unreadable(f"its JUnit report has more than {MOST_CASES} tests")
    return tuple(_case(element) for element in cases)


class _Refused(Exception):
    """XML that we do not read on principle."""


def _tree(xml: bytes) -> ET.Element | None:
    """The root element. Refuses DOCTYPE (with it every entity), depth and number before a tree of that size exists."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _DEEPEST or elements > _MOST_ELEMENTS:
            raise _Refused("it is nested too deep or has too many elements")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise _Refused("it has a DOCTYPE or an entity")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    parser.Parse(xml, True)  # noqa: FBT003 (positional in expat)
    return builder.close()


def _case(element: ET.Element) -> CaseResult:
    outcome, message = "passed", ""
    for child in element:
        found = _OUTCOMES.get(child.tag.rsplit("}", 1)[-1])
        if found and _WORSE.index(found) > _WORSE.index(outcome):
            outcome, message = found, _message(child)
    place, name = element.get("classname", ""), element.get("name", "")
    return CaseResult(
        name=(f"{place}.{name}" if place and name else place or name or "(no name)")[:_NAME],
        outcome=outcome,
        seconds=_seconds(element.get("time")),
        message=message,
    )


_OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}
_WORSE = ("passed", "skipped", "failed", "error")


def _message(element: ET.Element) -> str:
    parts = (element.get("message", "").strip(), (element.text or "").strip())
    return "\n".join(part for part in parts if part)[:_MESSAGE]


def _seconds(text: str | None) -> float:
    try:
        seconds = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 0.0
