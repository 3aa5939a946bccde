"""Claims about the agent's prompt: its parts, its fences, its budget, and a template of the policy's own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oneshot_dagster.domain
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.prompt import Guidance, PromptParts, Said, render_prompt, whole_template
from oneshot_dagster.domain.quoting import cleaned, cut, cut_head, fenced
from oneshot_dagster.domain.threads import AskedThread

TEMPLATE = (Path(oneshot_dagster.domain.__file__).parent / "texts" / "agent_prompt.md").read_text(encoding="utf-8")
TEXT = st.text(alphabet=st.sampled_from("ab` \n$#\x1b\u202e~"), max_size=3000) | st.text(max_size=200)


def parts(**changes: object) -> PromptParts:
    known = {
        "repository": "acme/shop",
        "key": "acme/shop#2",
        "attempt": 1,
        "issue_title": "Add",
        "issue_body": "a rule",
    }
    return PromptParts(**{**known, **changes})  # type: ignore[arg-type]


def test_every_part_stands_in_the_prompt() -> None:
    prompt = render_prompt(
        TEMPLATE,
        parts(
            instructions="be brief",
            answers=(Said(author="bob", text="use cents"),),
            comments=(Said(author="ada", text="also tests"),),
            guidance=(Guidance(path="AGENTS.md", text="no new packages"),),
            commands=("make test",),
            memories=("prices are in cents",),
            failures=(Failure(name="ci", log="AssertionError: 90 != 91"),),
            deployed_failures=(Failure(name="integration", log="502 from /price"),),
            reviews=(Said(author="cat", text="too clever"),),
            threads=(AskedThread(thread_id="T", path="shop/a.py", line=7, text="cat: name it"),),
            missing=("a test of 7",),
            next_prompt="round up",
        ),
        20_000,
    )
    for text in (
        "Add\n\na rule", "be brief", "use cents", "comment by ada\nalso tests", "no new packages", "make test",
        "prices are in cents", "failed: ci\nAssertionError: 90 != 91", "round up", "acme/shop#2",
        "AGENTS.md\nno new", "failed after the deployment: integration\n502", "review by cat\ntoo clever",
        "thread 1 on shop/a.py, line 7\ncat: name it", "- a test of 7",
    ):  # fmt: skip
        assert text in prompt


def test_a_section_without_content_is_left_out() -> None:
    prompt = render_prompt(TEMPLATE, parts(), 20_000)
    assert [line for line in prompt.splitlines() if line.startswith("## ")] == [
        "## What holds in any case",
        "## The issue",
    ]
    assert "$" not in prompt


@given(TEXT)
def test_no_text_can_end_its_own_fence(text: str) -> None:
    first, *inside, last = fenced(text, "issue").split("\n")
    fence = first.removesuffix("issue")
    assert set(fence) == {"`"}
    assert last == fence
    assert fence not in "\n".join(inside)


@given(TEXT, TEXT, st.lists(TEXT, max_size=5), st.integers(0, 12_000))
def test_the_prompt_keeps_its_budget(body: str, guidance: str, logs: list[str], room: int) -> None:
    failures = tuple(Failure(name=f"check {n}", log=log) for n, log in enumerate(logs))
    comments = tuple(Said(author="ada", text=log) for log in logs)
    budget = len(TEMPLATE) + 800 + room
    prompt = render_prompt(
        TEMPLATE,
        parts(
            issue_body=body, guidance=(Guidance(path="AGENTS.md", text=guidance),), failures=failures, comments=comments
        ),
        budget,
    )
    assert len(prompt) <= budget


def test_a_cut_is_said_and_logs_keep_their_end() -> None:
    failing = (Failure(name="ci", log="start" + "x" * 50_000 + "the end"),)
    prompt = render_prompt(TEMPLATE, parts(issue_body="begin" + "y" * 50_000, failures=failing), 10_000)
    assert "begin" in prompt
    assert "the end" in prompt
    assert prompt.count("[cut: ") == 2


def test_what_fits_is_not_cut() -> None:
    failing = (Failure(name="ci", log="x" * 900), Failure(name="lint", log="y"))
    prompt = render_prompt(TEMPLATE, parts(failures=failing), 20_000)
    assert "x" * 900 in prompt
    assert "[" not in prompt.split("## What failed")[1]


def test_entries_without_room_are_counted() -> None:
    failing = tuple(Failure(name=f"check {n}", log="x" * 1000) for n in range(200))
    assert "[left out for want of room: 200]" in render_prompt(TEMPLATE, parts(failures=failing), 6_000)


def test_a_dollar_in_the_issue_is_only_text() -> None:
    assert "cost $issue ${memories} $$" in render_prompt(
        TEMPLATE, parts(issue_body="cost $issue ${memories} $$"), 9_000
    )


@pytest.mark.parametrize("unseen", ["\0", "\x1b[31m", "\u202e", "\u200b", "\U000e0041", "\x07", "\x1b]0;title\x07"])
def test_what_a_person_cannot_see_the_agent_does_not_read(unseen: str) -> None:
    assert cleaned(f"pay{unseen} me\r\n\tnow 👩‍💻") == "pay me\n\tnow 👩‍💻"


@given(st.text(max_size=300), st.integers(0, 300))
def test_a_cut_text_has_at_most_its_limit(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit
    assert len(cut_head(text, limit)) <= limit


def test_a_stray_dollar_in_the_template_stays() -> None:
    assert "costs $5 of $money at acme/shop" in render_prompt("It costs $5 of $money at $repository", parts(), 9_000)


def test_a_template_of_the_policys_own_keeps_the_rules_and_every_part() -> None:
    own = "Du arbeitest an $repository.\n\n## Die Aufgabe\n\n$issue\n\n## How it is tested\n\nAsk `make`.\n"
    template = whole_template(own, TEMPLATE)
    prompt = render_prompt(template, parts(failures=(Failure(name="ci", log="red"),), commands=("make",)), 20_000)
    assert prompt.startswith("Du arbeitest an acme/shop.")
    headings = [line for line in prompt.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Die Aufgabe", "## How it is tested", "## What holds in any case", "## What failed in the last attempt",
    ]  # fmt: skip
    assert prompt.count("Add\n\na rule") == 1
