"""The real Codex against the scripted model, in a real worktree: what it does, what it may see, how each fault ends."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.local.model.items import added, apply_patch, message, reasoning, refusal, shell
from oneshot_dagster.local.model.script import Break, Fault, Reply, Tokens, status
from oneshot_dagster.local.model.server import ModelServer, model_server
from oneshot_dagster.services.agent.codex import CodexAgent
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentEvent, AgentRequest, AgentResult, Failure
from oneshot_dagster.system.codex.home import Provider

KEY = "sk-scripted-0123456789abcdefXYZ"
DONE = Reply(message("Done."))


@pytest.fixture
def server():
    with model_server() as found:
        yield found


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    """A linked worktree, as the engine makes them."""
    main, tree = tmp_path / "main.git", tmp_path / "worktree"
    git(tmp_path, "init", "--quiet", str(main))
    (main / "greet.py").write_text("print('hello')\n")
    git(main, "add", "-A")
    git(main, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    git(main, "worktree", "add", "-q", "--detach", str(tree))
    return tree


def git(cwd: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def agent(server: ModelServer, tmp_path: Path) -> CodexAgent:
    provider = Provider(base_url=server.base_url(), model="gpt-5.5", has_key=True)
    return CodexAgent(provider=provider, scratch=tmp_path / "scratch", key=lambda: KEY)


def run(
    agent: CodexAgent,
    worktree: Path,
    *,
    prompt: str = "Say hello to everyone.",
    heard: list[AgentEvent] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    wall: float = 60,
    stall: float = 60,
    after: AgentResult | None = None,
) -> AgentResult:
    request = AgentRequest(
        worktree=worktree,
        prompt=prompt,
        resume=after.resume if after else None,
        session=after.session if after else None,
        wall=wall,
        stall=stall,
    )
    return agent.run(request, on_event=([] if heard is None else heard).append, cancelled=cancelled)


def output(result: AgentResult) -> str:
    return "\n".join(str(event.raw.get("output", "")) for event in result.events if event.kind == "command")


def alive_with(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if word.encode() in line:
            found.append(line.decode(errors="replace"))
    return found


def test_it_edits_by_patch_and_by_shell_and_says_what_it_does(server, agent, worktree):
    patch = "*** Begin Patch\n*** Update File: greet.py\n@@\n-print('hello')\n+print('hello, everyone')\n*** End Patch\n"
    server.script(
        Reply(reasoning("**Plan**"), message("Looking.", final=False), shell("cat greet.py")),
        Reply(apply_patch(patch)),
        Reply(shell("printf 'one\\n' > note.txt; git status --short")),
        DONE,
    )
    heard: list[AgentEvent] = []
    result = run(agent, worktree, heard=heard)
    assert result.end is AgentEnd.FINISHED, (result.reason, result.log.decode())
    assert (worktree / "greet.py").read_text() == "print('hello, everyone')\n"
    assert (worktree / "note.txt").read_text() == "one\n"
    assert "M greet.py" in output(result)
    kinds = [event.kind for event in heard]
    assert [kind for kind in kinds if kind != "usage"] == [
        *("session", "reasoning", "message", "command_started", "command", "files", "command_started", "command"),
        "message",
    ]
    assert tuple(heard) == result.events
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.model) == (400, 40, "gpt-5.5")
    assert b"hello" in result.log


def test_the_key_reaches_the_provider_and_no_command_of_the_model(server, agent, worktree):
    look = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; cat $HOME/../codex/config.toml; ls $HOME/../codex"
    server.script(Reply(shell(look)), DONE)
    os.environ["ONESHOT_GITHUB__TOKEN"] = "ghp_of_the_platform"
    try:
        result = run(agent, worktree)
    finally:
        del os.environ["ONESHOT_GITHUB__TOKEN"]
    assert {asked.headers["authorization"] for asked in server.requests()} == {f"Bearer {KEY}"}
    told = "\n".join(server.requests()[-1].outputs)
    assert "PATH=" in told
    assert KEY not in told
    assert "ghp_of_the_platform" not in told
    assert result.end is AgentEnd.FINISHED


def test_commands_reach_no_network_and_nothing_of_this_machine_but_the_worktree(server, agent, worktree, tmp_path):
    (tmp_path / "secret").write_text("a secret of the platform")
    port = server.url.rpartition(":")[2]
    look = (
        f"cat {tmp_path}/secret; echo x > {tmp_path}/written; ls /root /home; "
        f"(exec 3<>/dev/tcp/127.0.0.1/{port}) && echo reached; touch .git/x; git commit -qam x"
    )
    server.script(Reply(shell(look)), DONE)
    run(agent, worktree)
    told = server.requests()[-1].outputs[-1]
    assert "a secret of the platform" not in told
    assert "reached" not in told
    assert not (tmp_path / "written").exists()
    assert git(worktree, "log", "--oneline").count("\n") == 1


def test_only_the_provider_is_asked(server, agent, worktree):
    server.script(DONE)
    run(agent, worktree)
    assert len(server.requests()) == 1
