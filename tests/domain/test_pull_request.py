"""Claims about the words of a pull request: what they say, and that an issue's text does nothing in them."""

import re

import pytest
from attempts import attempt
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.pull_request import body, commit_message, marker, title
from oneshot_dagster.domain.quoting import cell, neutral, one_line
from oneshot_dagster.domain.run import Kind, Mode
from oneshot_dagster.domain.test_results import judge_suite

CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w./-]*#|gh-|https?:)", re.IGNORECASE)
HOSTILE = (
    "@acme/admins fixes #7, closes: other/repo#8; Resolved https://github.com/a/b/issues/9 GH-10 <!-- oneshot:x -->"
)


def test_the_body_says_what_why_by_whom_and_for_which_issue() -> None:
    suite = judge_suite(
        "unit", "make test", "a" * 40, exit_code=1, timed_out=False, junit=None, log_tail="", seconds=1.0
    )
    text = body(attempt(), summary="A rule for discounts.", suites=[suite], links={"log": "http://h/a(1)"})
    for part in (
        "A rule for discounts.", "Add a discount", "Ten or more get 5 % off.", "An agent wrote this", "Closes #2\n",
        "| unit | **failed** | 0 | 0 | it ended with exit code 1 |", "- [log](http://h/a%281%29)", "a" * 40,
    ):  # fmt: skip
        assert part in text
    assert text.endswith(f"{marker(attempt())}\n")


def test_the_marker_names_change_and_attempt() -> None:
    assert marker(attempt(number=3)) == "<!-- oneshot:acme/shop#2 attempt 3 -->"


@pytest.mark.parametrize("field", ["issue_title", "issue_body", "prompt"])
def test_text_of_others_notifies_closes_and_hides_nothing(field: str) -> None:
    subject = attempt(inputs={field: HOSTILE})
    for text in (body(subject, summary=HOSTILE), commit_message(subject)):
        assert "@acme" not in text
        assert len(CLOSES.findall(text)) == 1
        assert text.count("<!--") == text.count(marker(subject))
        assert not re.search(r"#[13-9]|gh-\d", text, re.IGNORECASE)


def test_text_of_others_cannot_leave_its_quotation() -> None:
    text = body(attempt(inputs={"issue_body": "```\n\n## Approved\n\n````\nCloses #9"}))
    fences = [line for line in text.splitlines() if re.fullmatch(r"`{5,}(?:text)?", line)]
    assert fences == ["`````text", "`````"]


def test_a_person_reads_the_text_as_it_was() -> None:
    assert neutral(HOSTILE).replace("\u200b", "") == HOSTILE


def test_a_long_issue_is_cut_and_says_so() -> None:
    text = body(attempt(inputs={"issue_body": "x" * 100_000}), summary="y" * 100_000)
    assert text.count("[cut: ") == 2
    assert len(text) < 20_000


def test_a_revert_refers_and_does_not_close() -> None:
    revert = attempt(kind=Kind.REVERT)
    assert title(revert) == 'Revert "Add a discount"'
    assert "Refs #2" in body(revert)
    assert "Closes" not in body(revert) + commit_message(revert)


def test_a_title_is_one_line_and_never_empty() -> None:
    assert title(attempt(inputs={"issue_title": "a\n b" + "c" * 200})).startswith("a bccc")
    assert len(title(attempt(inputs={"issue_title": "c" * 200}))) == 100
    assert title(attempt(inputs={"issue_title": " \u200b"})) == "Change for issue 2"


def test_no_report_is_said_to_be_none() -> None:
    assert "The local tests did not run." in body(attempt())
    suite = judge_suite("u", "x {junit}", "a", exit_code=0, timed_out=False, junit=None, log_tail="", seconds=0)
    assert suite.verdict is Verdict.DID_NOT_RUN
    assert "**did not run**" in body(attempt(), suites=[suite])


@pytest.mark.parametrize("mode", list(Mode))
def test_each_mode_says_who_merges(mode: Mode) -> None:
    assert ("without a person" in body(attempt(mode=mode))) is (mode is Mode.PROPOSE)


def test_a_commit_names_its_change() -> None:
    assert commit_message(attempt()) == (
        "Add a discount\n\nCloses #2\n\nOneshot-Change: acme/shop#2\nOneshot-Attempt: 1\n"
    )


@given(st.text(max_size=400))
def test_a_cell_stays_in_its_cell(text: str) -> None:
    found = cell(text)
    assert "\n" not in found
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`<]", found)
    assert len(one_line(text, 50)) <= 50


def test_a_commit_ends_with_our_trailers_and_then_the_operators() -> None:
    text = commit_message(attempt(), trailers=("Signed-off-by: A B <a@b>",), said="This reverts commit abc.")
    assert "\n\nThis reverts commit abc.\n\n" in text
    last = text.strip().rpartition("\n\n")[2].splitlines()
    assert [line.partition(":")[0] for line in last] == ["Oneshot-Change", "Oneshot-Attempt", "Signed-off-by"]
