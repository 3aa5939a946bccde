"""Claims about the agent's prompt, the fingerprint of failures, and patches that undo the last one."""

from pathlib import Path

import pytest
from changed_files import BASE, changed, snapshot
from hypothesis import given
from hypothesis import strategies as st

import oneshot_dagster.domain
from oneshot_dagster.domain.patch import (
    Failure,
    PromptParts,
    Said,
    normalised_fingerprint,
    render_prompt,
    undoes,
)
from oneshot_dagster.domain.quoting import cleaned, cut, cut_head, fenced
from oneshot_dagster.domain.snapshot import FileStatus, Snapshot

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
            answer="use cents",
            comments=(Said(author="ada", text="also tests"),),
            guidance="no new packages",
            commands=("make test",),
            memories=("prices are in cents",),
            failures=(Failure(name="ci", log="AssertionError: 90 != 91"),),
            next_prompt="round up",
        ),
        20_000,
    )
    for text in (
        "Add\n\na rule", "be brief", "use cents", "comment by ada\nalso tests", "no new packages", "make test",
        "prices are in cents", "failed: ci\nAssertionError: 90 != 91", "round up", "acme/shop#2",
    ):  # fmt: skip
        assert text in prompt


def test_a_section_without_content_is_left_out() -> None:
    prompt = render_prompt(TEMPLATE, parts(), 20_000)
    assert [line for line in prompt.splitlines() if line.startswith("## ")] == ["## The issue"]
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
    budget = len(TEMPLATE) + 600 + room
    prompt = render_prompt(
        TEMPLATE, parts(issue_body=body, guidance=guidance, failures=failures, comments=comments), budget
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FAILED in 0.12s", "FAILED in 13.5s"),
        ("at 2026-01-02T10:11:12.345Z: no", "at 2025-12-31T23:59:59Z: no"),
        ("/tmp/x1/repo/tests/test_a.py:12: AssertionError", "/home/y/tests/test_a.py:99: AssertionError"),
        ("commit 3f2a9bc failed", "commit 9d1e77a0b1 failed"),
        ("expected 90 got 91", "expected 1,000 got 17.5"),
        ("\x1b[31mFAILED\x1b[0m  x\n\n", "failed x"),
        ("==== short ====", "======== short ========"),
    ],
)
def test_the_same_failure_has_one_fingerprint(one: str, other: str) -> None:
    assert normalised_fingerprint([Failure(name="ci", log=one)]) == normalised_fingerprint(
        [Failure(name="ci", log=other)]
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Failure(name="ci", log="AssertionError"), Failure(name="ci", log="ImportError")),
        (Failure(name="ci", log="x"), Failure(name="lint", log="x")),
        (Failure(name="ci", log="/a/test_a.py"), Failure(name="ci", log="/a/test_b.py")),
    ],
)
def test_another_failure_has_another_fingerprint(one: Failure, other: Failure) -> None:
    assert normalised_fingerprint([one]) != normalised_fingerprint([other])


def test_the_order_of_failures_does_not_matter_and_none_has_no_fingerprint() -> None:
    one, other = Failure(name="a", log="x"), Failure(name="b", log="y")
    assert normalised_fingerprint([one, other]) == normalised_fingerprint([other, one, one])
    assert normalised_fingerprint([]) == ""


ZERO, ONE, TWO = "0" * 40, "1" * 40, "2" * 40
FORTH = snapshot(
    changed("a", blobs=(ONE, TWO)),
    changed("new", status=FileStatus.ADDED, blobs=(ZERO, ONE)),
    changed("d", status=FileStatus.RENAMED, old="c", blobs=(ONE, ONE)),
)
BACK = Snapshot(
    base_sha=FORTH.head_sha,
    head_sha="c" * 40,
    files=(
        changed("a", blobs=(TWO, ONE)),
        changed("new", status=FileStatus.DELETED, blobs=(ONE, ZERO)),
        changed("c", status=FileStatus.RENAMED, old="d", blobs=(ONE, ONE)),
    ),
)


def test_a_patch_laid_on_top_that_turns_each_file_back_undoes() -> None:
    assert undoes(FORTH, BACK)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_patch_that_leaves_something_of_the_last_one_does_not_undo(missing: int) -> None:
    kept = tuple(file for n, file in enumerate(BACK.files) if n != missing)
    assert not undoes(FORTH, Snapshot(base_sha=BACK.base_sha, head_sha=BACK.head_sha, files=kept))


def test_made_anew_from_the_same_base_only_nothing_undoes() -> None:
    assert undoes(FORTH, Snapshot(base_sha=BASE, head_sha=BASE, files=()))
    assert not undoes(FORTH, snapshot(changed("a", blobs=(ONE, "3" * 40))))


def test_nothing_cannot_be_undone() -> None:
    assert not undoes(snapshot(), BACK)


def test_a_stray_dollar_in_the_template_stays() -> None:
    assert "costs $5 of $money at acme/shop" in render_prompt("It costs $5 of $money at $repository", parts(), 9_000)
