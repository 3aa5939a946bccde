"""Claims about what counts as a review thread that was met, and what is said under it."""

import pytest
from changed_files import changed, snapshot

from oneshot_dagster.domain.snapshot import FileStatus
from oneshot_dagster.domain.threads import AskedThread, answers

PATCH = "@@ -10,4 +10,5 @@\n a\n-b\n+c\n+d\n e\n f\n"


def thread(line: int | None = 11, path: str = "a.py") -> AskedThread:
    return AskedThread(thread_id="T1", path=path, line=line, text="ann: name it")


def met(asked: AskedThread, *said: str, patch: str | None = PATCH, **file: object) -> bool:
    (answer,) = answers([asked], said, snapshot(changed("a.py", patch=patch, **file)), attempt=2)
    return answer.met


@pytest.mark.parametrize(("line", "is_met"), [(7, False), (8, True), (11, True), (15, True), (16, False), (None, True)])
def test_only_a_change_at_the_place_meets_a_thread(line: int | None, is_met: bool) -> None:
    assert met(thread(line)) is is_met


def test_what_the_agent_says_alone_meets_nothing() -> None:
    assert not met(thread(90), "Thread 1: done: renamed it")
    assert not met(thread(path="b.py"), "Thread 1: done: renamed it")
    assert not met(thread(), "Thread 1: done: renamed it", patch=None)


@pytest.mark.parametrize(
    "said", ["Thread 1: not done: no need", "- **thread 1:** Not done, sorry", "> Thread 1: not done"]
)
def test_the_agents_no_keeps_a_thread_open(said: str) -> None:
    assert not met(thread(), said)
    assert met(thread(), said, "Thread 1: done: after all")


def test_a_file_that_is_gone_meets_what_was_asked_of_it() -> None:
    assert met(thread(900), status=FileStatus.DELETED, patch=None)


def test_the_reply_says_what_was_seen_and_quotes_the_agent_as_such() -> None:
    said = "Thread 1: done: see #7 @ann <!-- oneshot:x --> ```"
    (answer,) = answers([thread()], [said], snapshot(changed("a.py", patch=PATCH)), attempt=2)
    first, *_ = answer.body.splitlines()
    assert first.startswith("Attempt 2 changed what this is about, in ")
    assert "The agent says:\n\n````text\ndone: see" in answer.body
    for live in ("@ann", "#7", "<!--"):
        assert live not in answer.body
    (silent,) = answers([thread(90)], [], snapshot(changed("a.py", patch=PATCH)), attempt=3)
    assert "It stays open." in silent.body
    assert "The agent says" not in silent.body
