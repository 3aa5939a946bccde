"""Claims that need a process of its own: what is imported, Ctrl-C, a followed log, bytes through a pipe, colours on a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys

import pytest
from store_fixtures import intake, walk

from oneshot_dagster.cli.main import _ENTRIES
from oneshot_dagster.domain.run import State

ONESHOT = (sys.executable, "-m", "oneshot_dagster.cli.main")
HEAVY = ("dagster", "git", "githubkit", "sqlalchemy", "alembic", "rich", "pydantic_settings", "httpx")


def plain(environment):
    return {"PATH": os.environ["PATH"], **{name: value for name, value in environment.items() if value is not None}}


def loaded_by(entry):
    module, _, _ = entry.partition(":")
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in json.loads(said.stdout)}


OWN = ("list", "status", "explain", "logs", "diff", "stop", "snapshot", "evidence", "policy", "gc", "forge", "db")


@pytest.mark.parametrize("name", OWN)
def test_a_commands_help_loads_nothing_heavy(name):
    assert not loaded_by(_ENTRIES[name]) & set(HEAVY)


@pytest.mark.parametrize("arguments", [("list",), ("status", "acme/shop#2", "--json"), ("logs", "acme/shop#2")])
def test_what_only_reads_the_store_loads_neither_dagster_nor_gitpython(environment, store, arguments):
    intake(store)
    code = (
        "import sys\nfrom oneshot_dagster.cli import main\n"
        f"sys.argv = {['oneshot', *arguments]!r}\ncode = main._exit_code()\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'dagster', 'git', 'githubkit', 'alembic'}), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env=plain(environment), capture_output=True, check=True, timeout=60
    )
    assert said.stderr.decode().strip() == "[]"


def test_a_followed_log_shows_what_happens_meanwhile_and_ctrl_c_ends_it_quietly(environment, store):
    attempt = intake(store)
    process = subprocess.Popen(
        [*ONESHOT, "logs", "-f", "acme/shop#2"],
        env={**plain(environment), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "queued" in process.stdout.readline()
        walk(store, attempt, State.WORKTREE_READY)
        store.wake(attempt.key)
        assert "worktree_ready: walked to worktree_ready" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read().strip() == ""
    finally:
        process.kill()
        process.communicate()


def test_on_a_terminal_a_table_is_drawn_and_a_verdict_has_its_colour(environment, store):
    intake(store)
    parent, child = pty.openpty()
    env = {**plain(environment), "TERM": "xterm-256color", "COLUMNS": "160"}
    process = subprocess.Popen([*ONESHOT, "status", "acme/shop#2"], env=env, stdout=child, stderr=subprocess.PIPE)
    os.close(child)
    said = b""
    while True:
        try:
            read = os.read(parent, 65536)
        except OSError:
            break
        if not read:
            break
        said += read
    assert process.wait(20) == 0, process.stderr.read()
    process.stderr.close()
    os.close(parent)
    assert "─" in said.decode()
    assert "\x1b[33mdid not run" in said.decode()


def test_a_reader_that_goes_away_is_no_traceback(environment, store):
    for number in range(2, 40):
        intake(store, f"acme/shop#{number}")
    line = f"{' '.join(ONESHOT)} list | head -1"
    said = subprocess.run(["bash", "-c", line], check=False, env=plain(environment), capture_output=True, timeout=60)
    assert b"Traceback" not in said.stderr
