"""Agents as real programs in a real folder."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentEvent, AgentRequest, AgentResult, Usage
from oneshot_dagster.system.secret_forms import forms


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    (tmp_path / "worktree").mkdir()
    return tmp_path / "worktree"


def run(
    worktree: Path,
    script: str,
    *,
    resume: str | None = None,
    wall: float = 30.0,
    stall: float = 30.0,
    cancelled: Callable[[], bool] = lambda: False,
    heard: list[AgentEvent] | None = None,
    env: dict[str, str] | None = None,
) -> AgentResult:
    agent = CommandAgent(command=("/bin/bash", "-c", script), scratch=worktree.parent / "scratch", env=env or {})
    request = AgentRequest(worktree=worktree, prompt="do «it»\n", resume=resume, wall=wall, stall=stall)
    heard = [] if heard is None else heard
    return agent.run(request, on_event=heard.append, cancelled=cancelled)


def is_running(command: str) -> bool:
    wanted = command.replace(" ", "\0").encode() + b"\0"
    return any(read(entry) == wanted for entry in Path("/proc").glob("[0-9]*/cmdline"))


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_the_prompt_comes_on_stdin_and_the_worktree_is_edited(worktree: Path) -> None:
    result = run(worktree, "cat > asked.txt")
    assert (result.end, result.exit_code) == (AgentEnd.FINISHED, 0)
    assert (worktree / "asked.txt").read_text() == "do «it»\n"


def test_json_lines_are_events_and_the_rest_is_log(worktree: Path) -> None:
    heard: list[AgentEvent] = []
    script = (
        """echo plain; echo '{"type": "message", "text": "hello", "n": 1}'; echo '{broken'; echo '[1]'; echo oops >&2"""
    )
    result = run(worktree, script, heard=heard)
    assert [(event.kind, event.text, event.raw["n"]) for event in heard] == [("message", "hello", 1)]
    assert result.events == tuple(heard)
    assert result.log.startswith(b"plain\n")
    assert b"{broken" in result.log
    assert b"oops" in result.log


@pytest.mark.parametrize(
    "line",
    [r'{"type": "message", "text": "\u0000"}', r'{"type": "x", "t": "\ud800"}', '{"type": "x", "n": NaN}', "{" * 9000],
)
def test_a_line_that_a_database_would_refuse_is_log_alone(worktree: Path, line: str) -> None:
    (worktree / "line").write_text(line + "\n")
    result = run(worktree, "cat line")
    assert (result.end, result.events) == (AgentEnd.FINISHED, ())


def test_usage_is_the_newest_said_and_unknown_where_nothing_is(worktree: Path) -> None:
    said = """echo '{"type": "usage", "input_tokens": 5, "output_tokens": 1, "model": "m"}'; echo '{"type": "usage", "input_tokens": 9}'"""
    assert run(worktree, said).usage == Usage(input_tokens=9, output_tokens=1, model="m")
    assert run(worktree, "true").usage == Usage(input_tokens=None, output_tokens=None, model=None)
    assert run(worktree, """echo '{"type": "usage", "input_tokens": "many"}'""").usage.input_tokens is None


def test_a_session_can_be_resumed(worktree: Path) -> None:
    first = run(worktree, """echo '{"type": "session", "id": "s-1"}'""")
    assert first.resume == "s-1"
    second = run(worktree, 'printf %s "$ONESHOT_AGENT_RESUME" > token', resume=first.resume)
    assert second.resume == "s-1"
    assert (worktree / "token").read_text() == "s-1"


def test_a_failing_agent_says_why(worktree: Path) -> None:
    result = run(worktree, "echo no model >&2; exit 4")
    assert (result.end, result.exit_code) == (AgentEnd.FAILED, 4)
    assert "no model" in result.reason


def test_a_cancelled_agent_leaves_no_child(worktree: Path) -> None:
    started, sleep = worktree / "started", f"sleep 6{secrets.randbelow(10**9):09}"
    result = run(worktree, f"setsid {sleep} & touch started; echo up; sleep 60", cancelled=started.exists)
    assert (result.end, result.exit_code) == (AgentEnd.CANCELLED, None)
    assert not is_running(sleep)


def test_a_silent_agent_is_stalled(worktree: Path) -> None:
    assert run(worktree, "echo one; sleep 60", stall=0.5).end is AgentEnd.STALLED


def test_a_slow_agent_is_stopped_at_its_wall(worktree: Path) -> None:
    assert run(worktree, "while sleep 0.1; do echo on; done", wall=1.0).end is AgentEnd.TIMED_OUT


def test_no_secret_of_ours_is_visible_and_what_is_given_is(worktree: Path) -> None:
    os.environ["ONESHOT_DATABASE_URL"] = "postgresql://u:very-secret@h/db"
    try:
        result = run(worktree, "env", env={"MODEL_KEY": "given"})
    finally:
        del os.environ["ONESHOT_DATABASE_URL"]
    assert b"very-secret" not in result.log
    assert b"MODEL_KEY=given" in result.log


def test_the_key_reaches_the_agent_and_is_in_no_command_line_and_in_nothing_that_it_says(worktree: Path) -> None:
    key, seen = "key-of-the-agents-model", list[Path]()
    said = """env; echo "$K" | base64 >&2; [ ${#K} = 23 ] && touch got-it; echo '{"type": "message", "text": "'"$K"'"}'; exit 3"""
    agent = CommandAgent(
        command=("/bin/bash", "-c", said),
        scratch=worktree.parent / "scratch",
        env={"OTHER_TOKEN": "another-secret", "HTTPS_PROXY": "http://me:some-password@proxy", "NODE_ENV": "production"},
        key=lambda: key,
        key_variable="K",
    )

    def look(_: AgentEvent) -> None:
        seen.extend(entry for entry in Path("/proc").glob("[0-9]*/cmdline") if key.encode() in read(entry))

    request = AgentRequest(worktree=worktree, prompt="x", resume=None, wall=30, stall=30)
    result = agent.run(request, on_event=look, cancelled=lambda: False)
    told = "\n".join([repr(result), result.log.decode()])
    assert (worktree / "got-it").exists()
    assert (len(result.events), seen) == (1, [])
    assert [one for one in (*forms(key), "another-secret", "some-password") if one in told] == []
    assert "NODE_ENV=production" in told
    assert agent.secrets() == (key, "another-secret", "some-password")


def test_home_is_its_own_and_gone_afterwards(worktree: Path) -> None:
    run(worktree, 'echo "$HOME" > home; touch "$HOME/a" "$TMPDIR/b"')
    assert not Path((worktree / "home").read_text().strip()).exists()
    assert list((worktree.parent / "scratch").iterdir()) == []


def test_a_program_that_is_not_there_may_be_tried_again(worktree: Path) -> None:
    agent = CommandAgent(command=("/no/such/agent",), scratch=worktree.parent / "scratch")
    request = AgentRequest(worktree=worktree, prompt="x", resume=None, wall=5, stall=5)
    with pytest.raises(TryAgain, match="/no/such/agent"):
        agent.run(request, on_event=lambda _: None, cancelled=lambda: False)


def test_the_log_is_bounded_and_says_so(worktree: Path) -> None:
    result = run(worktree, "yes 0123456789 | head -c 8000000")
    assert len(result.log) < 5 * 2**20
    assert b"the log was cut" in result.log
