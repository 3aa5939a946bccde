"""`oneshot up`: the stack of a home with settings of its own, which has neither forge nor deploy supervisor."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from free_ports import free_ports

from oneshot_dagster.local.ports import is_free
from oneshot_dagster.local.world import lay_out
from oneshot_dagster.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
OWN = """repositories = ["acme/shop"]
mode = "propose"
[github]
api_url = "http://127.0.0.1:9/api/v3"
token = "nobody answers there"
[ports]
"""


def oneshot(home: Path, *words: str) -> subprocess.Popen[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "ONESHOT_HOME": str(home)}
    return subprocess.Popen(
        (sys.executable, "-m", "oneshot_dagster.cli.main", *words),
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(home: Path, *words: str) -> str:
    started = oneshot(home, *words)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 2
    (line,) = said.splitlines()
    return line


@contextmanager
def up(home: Path) -> Iterator[subprocess.Popen[str]]:
    started = oneshot(home, "up", "--no-web")
    try:
        yield started
    finally:
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=60) == 130


def connected(home: Path) -> Path:
    home.mkdir()
    names = ("web", "forge", "code_server", "service", "hooks")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    (home / "oneshot.toml").write_text(OWN + "\n".join(f"{name} = {port}" for name, port in ports.items()) + "\n")
    return home


def test_a_connected_home_runs_postgres_and_dagster_and_nothing_of_the_demo(tmp_path: Path) -> None:
    home = connected(tmp_path / "home")
    own = (home / "oneshot.toml").read_text()

    with up(home):
        deadline = time.monotonic() + 90
        while not (home / "stack.json").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        stack = json.loads((home / "stack.json").read_text())
        refusal = refused(home, "up", "--no-web")

    assert set(stack["parts"]) == {"code server", "daemon"}
    assert set(stack["ports"]) == {"code_server"}
    assert "it runs in" in refusal
    assert not (home / "forge").exists()
    assert not (home / "tokens").exists()
    assert (home / "oneshot.toml").read_text() == own
    assert not (home / "stack.json").exists()
    assert is_free(stack["ports"]["code_server"])


def test_the_demo_keeps_out_of_a_connected_home(tmp_path: Path) -> None:
    home = connected(tmp_path / "home")

    assert "`oneshot up`" in refused(home, "demo")


def test_up_in_a_home_that_nobody_connected_says_how_to_connect_it(tmp_path: Path) -> None:
    line = refused(tmp_path / "home", "up")

    assert "no settings in" in line
    assert "oneshot github connect" in line


def test_up_in_the_home_of_the_local_world_is_refused(tmp_path: Path) -> None:
    lay_out(Settings(home=tmp_path))

    assert "the local world of `oneshot dev`" in refused(tmp_path, "up")
