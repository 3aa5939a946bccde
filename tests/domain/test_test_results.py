"""Claims about reports of test suites: what is passed, what failed, and what did not run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.junit import MOST_CASES, Unreadable
from oneshot_dagster.domain.test_results import (
    CaseResult,
    SuiteResult,
    from_json,
    judge_suite,
    no_command,
    overall,
    parse_junit,
    to_json,
)

PASSED = b'<testsuite><testcase classname="a" name="one" time="0.5"/></testsuite>'
SKIPPED = b'<testsuite><testcase name="one"><skipped message="later"/></testcase></testsuite>'
FAILED = b'<testsuite><testcase name="one"/><testcase name="two"><failure message="no">2 is not 3</failure></testcase></testsuite>'
ERROR = b'<testsuite><testcase name="one"><error message="import"/></testcase></testsuite>'
EMPTY = b"<testsuites></testsuites>"
WITH, WITHOUT = "pytest --junitxml={junit}", "make check"


def judged(
    command: str,
    exit_code: int | None,
    junit: bytes | None = None,
    *,
    timed_out: bool = False,
    missing_command: bool = False,
) -> SuiteResult:
    return judge_suite(
        "unit",
        command,
        "a" * 40,
        exit_code=exit_code,
        timed_out=timed_out,
        junit=junit,
        log_tail="log",
        seconds=1.0,
        missing_command=missing_command,
    )


@pytest.mark.parametrize(
    ("command", "exit_code", "junit", "verdict"),
    [
        (WITH, 0, PASSED, Verdict.PASSED),
        (WITH, 0, None, Verdict.DID_NOT_RUN),
        (WITH, 0, b"", Verdict.DID_NOT_RUN),
        (WITH, 0, EMPTY, Verdict.DID_NOT_RUN),
        (WITH, 0, SKIPPED, Verdict.DID_NOT_RUN),
        (WITH, 0, b"<testsuite", Verdict.DID_NOT_RUN),
        (WITH, 0, b"<html/>", Verdict.DID_NOT_RUN),
        (WITH, 0, FAILED, Verdict.FAILED),
        (WITH, 0, ERROR, Verdict.FAILED),
        (WITH, 1, FAILED, Verdict.FAILED),
        (WITH, 1, PASSED, Verdict.FAILED),
        (WITH, 1, None, Verdict.FAILED),
        (WITH, -9, PASSED, Verdict.FAILED),
        (WITH, 5, EMPTY, Verdict.DID_NOT_RUN),
        (WITH, 127, None, Verdict.DID_NOT_RUN),
        (WITH, None, PASSED, Verdict.DID_NOT_RUN),
        (WITHOUT, 0, None, Verdict.PASSED),
        (WITHOUT, 1, None, Verdict.FAILED),
        (WITHOUT, 5, None, Verdict.DID_NOT_RUN),
        (WITHOUT, 126, None, Verdict.DID_NOT_RUN),
        (WITHOUT, 127, None, Verdict.DID_NOT_RUN),
        (WITHOUT, -11, None, Verdict.FAILED),
    ],
)
def test_the_verdict_on_a_command(command: str, exit_code: int | None, junit: bytes | None, verdict: Verdict) -> None:
    result = judged(command, exit_code, junit)
    assert result.verdict is verdict
    assert bool(result.reason) == (verdict is not Verdict.PASSED)


@given(
    command=st.sampled_from([WITH, WITHOUT]),
    exit_code=st.none() | st.integers(-64, 255),
    junit=st.sampled_from([None, b"", PASSED, SKIPPED, FAILED, ERROR, EMPTY]) | st.binary(max_size=40),
    timed_out=st.booleans(),
    missing=st.booleans(),
)
def test_nothing_but_exit_zero_and_a_test_that_ran_is_passed(
    command: str, exit_code: int | None, junit: bytes | None, timed_out: bool, missing: bool
) -> None:
    result = judged(command, exit_code, junit, timed_out=timed_out, missing_command=missing)
    if result.verdict is Verdict.PASSED:
        assert exit_code == 0
        assert not timed_out
        assert not missing
        assert command == WITHOUT or result.count("passed") >= 1


def test_a_timeout_is_a_failure_that_says_so() -> None:
    result = judged(WITH, -9, PASSED, timed_out=True)
    assert result.verdict is Verdict.FAILED
    assert "time limit" in result.reason


def test_a_command_that_could_not_be_started_did_not_run() -> None:
    assert judged(WITH, None, missing_command=True).verdict is Verdict.DID_NOT_RUN


def test_a_failure_names_the_tests() -> None:
    assert judged(WITH, 1, FAILED).reason == "1 of 2 tests failed: two"


def test_no_configured_command_did_not_run() -> None:
    assert overall((no_command("a" * 40),)) is Verdict.DID_NOT_RUN
    assert overall(()) is Verdict.DID_NOT_RUN


def test_cases_are_read_at_any_depth_with_their_message_and_time() -> None:
    report = b"<testsuites><testsuite>" + FAILED + PASSED + b"</testsuite></testsuites>"
    assert parse_junit(report) == (
        CaseResult(name="one", outcome="passed", seconds=0.0),
        CaseResult(name="two", outcome="failed", seconds=0.0, message="no\n2 is not 3"),
        CaseResult(name="a.one", outcome="passed", seconds=0.5),
    )


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "soon", ""])
def test_a_time_that_is_none_counts_as_zero(time: str) -> None:
    report = parse_junit(f'<testsuite><testcase name="a" time="{time}"/></testsuite>'.encode())
    assert not isinstance(report, Unreadable)
    assert report[0].seconds == 0.0


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        b'<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite><testcase name="a"/></testsuite>',
        b"<testsuite>" * 60 + b"</testsuite>" * 60,
        b"<testsuite>" + b'<testcase name="a"/>' * (MOST_CASES + 1) + b"</testsuite>",
        b'<testsuite><testcase name="&undefined;"/></testsuite>',
        b'<?xml version="1.0" encoding="klingon"?><testsuite/>',
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_a_report_that_is_dangerous_or_broken_is_no_answer(xml: bytes) -> None:
    assert isinstance(parse_junit(xml), Unreadable)


@given(st.binary(max_size=200))
def test_reading_a_report_never_raises(xml: bytes) -> None:
    parse_junit(b"<testsuite>" + xml + b"</testsuite>")
    parse_junit(xml)


def test_a_result_survives_json() -> None:
    result = judged(WITH, 1, FAILED)
    assert from_json(json.loads(json.dumps(to_json(result)))) == result


def test_a_long_log_keeps_its_end() -> None:
    result = judge_suite(
        "u", WITHOUT, "a", exit_code=0, timed_out=False, junit=None, log_tail="x" * 90_000 + "end", seconds=0
    )
    assert result.log_tail.endswith("end")
    assert len(result.log_tail) == 20_000
