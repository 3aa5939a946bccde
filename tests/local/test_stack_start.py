"""What keeps the local stack from starting, each said in one line before anything runs; and whom it waits for."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_ports

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.local.ports import is_free, owner, refuse_taken

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def dev(home: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "ONESHOT_HOME": str(home)}
    return subprocess.run(
        (sys.executable, "-m", "oneshot_dagster.cli.main", "dev", "--no-web"),
        cwd=CHECKOUT,
        env={**env, **{name: str(value) for name, value in settings.items()}},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["FORGE", "CODE_SERVER", "SERVICE"])
def test_a_busy_port_is_named_with_its_owner_and_its_setting(tmp_path: Path, taken: int, name: str) -> None:
    said = dev(tmp_path / "home", **{**unused_ports(), f"ONESHOT_PORTS__{name}": taken})

    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert str(taken) in line
    assert f"pid {os.getpid()}" in line
    assert f"ONESHOT_PORTS__{name}" in line
    assert not (tmp_path / "home" / "logs").exists()


def test_a_home_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    said = dev(tmp_path / "file" / "home")

    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert "ONESHOT_HOME" in line


def test_settings_of_ones_own_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "oneshot.toml").write_text('repositories = ["acme/shop"]\n')

    said = dev(tmp_path, **unused_ports())

    assert said.returncode == 2
    assert "settings of your own" in said.stderr
    assert (tmp_path / "oneshot.toml").read_text() == 'repositories = ["acme/shop"]\n'


def test_a_part_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "forge").mkdir()
    (tmp_path / "forge" / "world.sqlite").write_text("this is no database, and long enough to be seen as none" * 20)

    said = dev(tmp_path, **unused_ports())

    assert said.returncode == 1
    line = said.stderr.splitlines()[-1]
    assert "the forge ended with" in line
    assert "not a database" in line


def test_a_server_that_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    said = dev(tmp_path, ONESHOT_DATABASE_URL="postgresql://nobody:secret-word@127.0.0.1:1/none", **unused_ports())

    assert said.returncode == 1
    assert "secret-word" not in said.stderr
    assert len([line for line in said.stderr.splitlines() if line.startswith("oneshot:")]) == 1


def test_a_listener_on_every_address_makes_a_port_taken() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        assert f"pid {os.getpid()} " in owner(port)


def test_a_port_that_another_shares_with_anyone_is_still_taken() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(BadInput):
            refuse_taken({"code_server": listener.getsockname()[1]})


def unused_ports() -> dict[str, int]:
    names = ("FORGE", "CODE_SERVER", "SERVICE", "HOOKS")
    return {f"ONESHOT_PORTS__{name}": port for name, port in zip(names, free_ports(len(names)), strict=True)}
