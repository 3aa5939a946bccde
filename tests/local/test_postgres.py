"""The embedded Postgres: started by whoever comes first, shared by the rest, gone with its owner, and never without its data."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import oneshot_dagster
from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.local.postgres import DATABASES, Server, read, running
from oneshot_dagster.local.postgres_binaries import binaries
from oneshot_dagster.system.lock import FileLock

ROOT = Path(oneshot_dagster.__file__).parent.parent
OWNER = """
import sys, time
from pathlib import Path
from oneshot_dagster.local.postgres import running
with running(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as server:
    print(server.port, flush=True)
    {}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def owner(home: Path, *, durable: bool = False, then: str = "time.sleep(600)", path: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then), str(home), "durable" if durable else "fast"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{path}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextlib.contextmanager
def owned(home: Path, **how) -> Iterator[subprocess.Popen[str]]:
    """An owner in a process of its own, once its server runs; killed without warning at the end."""
    process = owner(home, **how)
    try:
        assert process.stdout.readline().strip().isdigit()
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def connect(server: Server, database: str = "oneshot", **more) -> psycopg.Connection:
    return psycopg.connect(server.url(database, "postgresql"), autocommit=True, connect_timeout=10, **more)


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().split()[0])


def serving(home: Path) -> list[int]:
    """Every process that works in the data folder, backends too."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink() == home / "postgres":
                found.append(int(entry.name))
    return found


def accounts(home: Path) -> set[int]:
    """Whose processes these are; a backend may end while it is looked at."""
    found = set[int]()
    for pid in serving(home):
        with contextlib.suppress(FileNotFoundError):
            found.add(Path(f"/proc/{pid}").stat().st_uid)
    return found


def test_a_new_home_gets_a_server_with_both_databases(home):
    with running(home, durable=False) as server:
        for database in DATABASES:
            with connect(server, database) as connection:
                assert connection.execute("select current_database()").fetchone() == (database,)
        with connect(server) as connection:
            assert connection.execute("show max_connections").fetchone() == ("200",)
            assert connection.execute("show password_encryption").fetchone() == ("scram-sha-256",)
            assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
    assert serving(home) == []


def test_the_file_for_others_is_private_and_complete(home):
    with running(home, durable=False) as server:
        assert read(home) == server
        written = home / "postgres.json"
        assert written.stat().st_mode & 0o777 == 0o600
        assert set(json.loads(written.read_text())) == {"host", "port", "user", "password", "databases"}
    assert (home / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700


def test_nothing_is_read_where_nothing_was_started(home):
    assert read(home) is None


def test_a_wrong_password_is_refused(home):
    with running(home, durable=False) as server:
        wrong = Server(host=server.host, port=server.port, user=server.user, password="wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(wrong)


def test_the_socket_asks_for_the_password_too(home, request):
    short = Path("/tmp") / f"pg-{os.getpid()}"  # a socket's path may have 107 bytes
    request.addfinalizer(lambda: shutil.rmtree(short))
    with running(short, durable=False) as server:
        assert (short / "run").stat().st_mode & 0o777 == 0o700
        by_socket = {"host": str(short / "run"), "port": server.port, "user": server.user, "dbname": "oneshot"}
        psycopg.connect(**by_socket, password=server.password).close()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**by_socket, password="wrong")


def test_a_home_with_a_long_path_works_over_tcp(tmp_path):
    with running(tmp_path / ("long" * 25), durable=False) as server, connect(server) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_password_with_any_character_fits_a_url():
    url = Server(host="127.0.0.1", port=5432, user="a@b", password="p/w:d@%").url("oneshot", "postgresql")
    parsed = psycopg.conninfo.conninfo_to_dict(url)
    assert (parsed["user"], parsed["password"], parsed["dbname"]) == ("a@b", "p/w:d@%", "oneshot")


def test_rows_and_port_stay_between_starts(home):
    with running(home, durable=False) as first, connect(first) as connection:
        connection.execute("create table kept as select 7 as x")
    with running(home, durable=False) as second, connect(second) as connection:
        assert connection.execute("select x from kept").fetchone() == (7,)
        assert second.port == first.port


def test_a_port_taken_meanwhile_is_replaced(home):
    with running(home, durable=False) as first:
        pass
    with socket.create_server(("127.0.0.1", first.port)), running(home, durable=False) as second, connect(second):
        assert second.port != first.port
        assert read(home) == second


def test_a_killed_owner_takes_the_server_with_it_and_the_next_start_works(home):
    with owned(home) as process:
        assert serving(home)
        process.kill()
        assert eventually(lambda: not serving(home))
    assert "database system is shut down" in (home / "logs" / "postgres.log").read_text()
    with running(home, durable=False) as server, connect(server):
        pass


def test_committed_rows_survive_a_killed_server(home):
    with owned(home, durable=True):
        server = read(home)
        with contextlib.suppress(psycopg.OperationalError), connect(server) as connection:
            connection.execute("create table kept (x int)")
            for number in range(50):
                connection.execute("insert into kept values (%s)", (number,))
            os.kill(postmaster(home), signal.SIGKILL)
            connection.execute("select pg_sleep(60)")
    with running(home) as again, connect(again) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (50,)


def test_a_second_starter_shares_and_leaves_it_running(home):
    with owned(home):
        before = postmaster(home)
        with running(home) as server, connect(server):
            assert postmaster(home) == before
        with connect(server) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_starters_in_a_race_share_one_server(home):
    racing = [owner(home) for _ in range(4)]
    try:
        ports = {process.stdout.readline().strip() for process in racing}
        assert len(ports) == 1
        assert ports.pop().isdigit()
        assert (home / "logs" / "postgres.log").read_text().count("ready to accept connections") == 1
    finally:
        for process in racing:
            process.kill()
            process.communicate()
    assert eventually(lambda: not serving(home))


def test_a_killed_initdb_leaves_no_half_made_database(home, tmp_path):
    slow = tmp_path / "bin"
    shutil.copytree(binaries(None), slow, symlinks=True, copy_function=os.symlink)
    (slow / "initdb").unlink()
    (slow / "initdb").write_text(
        '#!/bin/sh\nfor word; do case $word in --pgdata=*) touch "${word#*=}/PG_VERSION";; esac; done\nsleep 600\n'
    )
    (slow / "initdb").chmod(0o755)
    code = OWNER.format("").replace("durable=", f"pg_bin=Path({str(slow)!r}), durable=")
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(home), "fast"], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert eventually((home / "postgres.init" / "PG_VERSION").exists)
    killed.kill()
    killed.wait()
    assert not (home / "postgres").exists()
    with running(home, durable=False) as server, connect(server):
        assert not (home / "postgres.init").exists()


def test_a_failed_initdb_says_why_in_one_line(home, tmp_path):
    broken = tmp_path / "bin"
    shutil.copytree(binaries(None), broken, symlinks=True, copy_function=os.symlink)
    (broken / "initdb").unlink()
    (broken / "initdb").write_text(
        "#!/bin/sh\necho 'initdb: error: could not write: No space left on device' >&2\nexit 1\n"
    )
    (broken / "initdb").chmod(0o755)
    with pytest.raises(NeedsHuman, match="No space left on device") as raised, running(home, pg_bin=broken):
        pass
    assert "\n" not in str(raised.value)
    assert not (home / "postgres").exists()


def test_a_server_that_cannot_start_says_why_in_one_line(home):
    with running(home, durable=False):
        pass
    (home / "postgres" / "postgresql.auto.conf").write_text("no_such_setting = on\n")
    with pytest.raises(NeedsHuman, match="no_such_setting") as raised, running(home, durable=False):
        pass
    assert "\n" not in str(raised.value)
    assert serving(home) == []


def test_data_of_another_major_version_is_refused(home):
    with running(home, durable=False):
        pass
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(BadInput, match="data of Postgres 9 and a server that says postgres"), running(home):
        pass


def test_a_lost_password_is_named(home):
    with running(home, durable=False):
        pass
    (home / "postgres.password").unlink()
    with pytest.raises(BadInput, match="no password in"), running(home):
        pass


def test_a_folder_without_programs_is_refused(home, tmp_path):
    with pytest.raises(BadInput, match="no initdb and postgres in"), running(home, pg_bin=tmp_path):
        pass


def test_the_lock_is_free_after_an_ordinary_end(home):
    with running(home, durable=False):
        pass
    with FileLock(home / "postgres.lock").try_hold() as descriptor:
        assert descriptor is not None


@pytest.fixture
def no_namespaces(tmp_path: Path) -> str:
    """A PATH on which user namespaces are refused."""
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "unshare").write_text(
        "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n"
    )
    (tmp_path / "stub" / "unshare").chmod(0o755)
    return f"{tmp_path / 'stub'}:"


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@only_root
def test_as_root_the_files_stay_in_a_folder_of_roots_own(home):
    home.mkdir(mode=0o700)
    with running(home, durable=False):
        assert (home / "postgres").stat().st_uid == 0
        assert home.stat().st_mode & 0o777 == 0o700
        assert accounts(home) == {0}  # root's own outside, nobody inside the namespace


@only_root
def test_root_without_namespaces_and_a_closed_home_gets_one_clear_line(home, no_namespaces):
    home.mkdir(parents=True)
    home.chmod(0o700)
    said = owner(home, path=no_namespaces).communicate()[0]
    assert "could not start Postgres as root: found user namespaces refused here" in said


@only_root
def test_root_without_namespaces_becomes_nobody_where_nobody_may_enter(no_namespaces, request):
    home = Path(f"/tmp/pg-nobody-{os.getpid()}")
    request.addfinalizer(lambda: shutil.rmtree(home))
    home.mkdir(mode=0o700)
    with owned(home, path=no_namespaces) as process:
        assert accounts(home) == {65534}
        with connect(read(home)):
            pass
        process.kill()
        assert eventually(lambda: not serving(home))


@only_root
@pytest.mark.parametrize("user", [65534, 12345], ids=["with a name", "without a name"])
def test_an_ordinary_user_keeps_the_files(user, request):
    home = Path(f"/tmp/pg-user-{os.getpid()}")
    request.addfinalizer(lambda: shutil.rmtree(home))
    home.mkdir()
    os.chown(home, user, user)
    # The libraries first: the interpreter itself may stand where only root may read.
    libraries = "import os, psycopg, oneshot_dagster.local.postgres"
    code = f"{libraries}; os.setgroups([]); os.setgid({user}); os.setuid({user})\n{OWNER.format('time.sleep(600)')}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home), "fast"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = process.stdout.readline()
        assert said.strip().isdigit(), said + process.stdout.read()
        assert accounts(home) == {user}
    finally:
        process.kill()
        process.communicate()
    assert eventually(lambda: not serving(home))
