"""The embedded Postgres under our own supervision: who holds $home/postgres.lock runs the server, others share it.
A killed owner takes the server with it; the lock stays with the server until it is gone."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from oneshot_dagster.domain.errors import BadInput, NeedsHuman, TryAgain
from oneshot_dagster.local.postgres_binaries import binaries, check_version, give_to_nobody, unprivileged
from oneshot_dagster.system import process
from oneshot_dagster.system.lock import FileLock

DATABASES = ("oneshot", "dagster")
_PATIENCE = 60.0
_LONGEST_SOCKET_PATH = 107
_LARGEST_LOG = 10 * 2**20
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the server listens and how to log in."""

    host: str
    port: int
    user: str
    password: str

    def url(self, database: str, driver: str = "postgresql+psycopg") -> str:
        """The driver is always named: a bare `postgresql://` means another one to each library."""
        return (
            f"{driver}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}/{database}"
        )


def read(home: Path) -> Server | None:
    """The server of this home as it was last started; it need not be running now."""
    try:
        found = cast("dict[str, Any]", json.loads((home / "postgres.json").read_bytes()))
        return Server(host=found["host"], port=found["port"], user=found["user"], password=found["password"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def running(home: Path, *, durable: bool = True, pg_bin: Path | None = None) -> Generator[Server]:
    """A server with both databases for the length of the block: our own, or that of another owner of this home.

    A shared one stays until its owner stops it. `durable=False` loses data when the machine stops: for tests only.
    """
    home = home.absolute()
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with FileLock(home / "postgres.lock").try_hold() as descriptor:
            if descriptor is not None:
                with _owned(_Cluster(home, pg_bin=pg_bin, durable=durable), descriptor) as server:
                    yield server
                return
        server = read(home)
        if server is not None and _answers(server):
            yield server
            return
        time.sleep(0.02)
    raise TryAgain(f"another process holds {home / 'postgres.lock'}, but no Postgres of it answers")


@contextlib.contextmanager
def _owned(cluster: "_Cluster", lock: int) -> Generator[Server]:
    try:
        cluster.prepare()
        server, child = cluster.start(lock)
    except OSError as error:
        raise NeedsHuman(f"Postgres did not start in {cluster.home}: {error}", reason="database_not_started") from error
    try:
        _create_databases(server)
        _write_private(cluster.home / "postgres.json", json.dumps({**vars(server), "databases": DATABASES}))
        yield server
    finally:
        child.stop(grace=10.0)


class _Cluster:
    """The files of one server and how it starts on them."""

    def __init__(self, home: Path, *, pg_bin: Path | None, durable: bool) -> None:
        self.home, self._durable = home, durable
        self._data, self._log = home / "postgres", home / "logs" / "postgres.log"
        self._password_file = home / "postgres.password"
        self._bin = binaries(pg_bin)
        self._prefix = unprivileged(self._bin, home, "INT")
        self._dropped = self._prefix[:1] == ("setpriv",)

    def prepare(self) -> None:
        if not self._data.exists():
            self._initialize()
        check_version(self._bin, self._data)
        if not self._password_file.exists():
            raise BadInput(
                tried=f"open the database in {self._data}",
                found=f"no password in {self._password_file}",
                do="put the file back, or move the folder away to begin with an empty database",
            )

    def start(self, lock: int) -> tuple[Server, process.Child]:
        """Starts the server and waits until it answers."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LARGEST_LOG:
            self._log.replace(self._log.with_suffix(".log.1"))
        _forget_dead_postmaster(self.home)
        said = ""
        for _ in range(3):
            said_before = self._log.stat().st_size if self._log.exists() else 0
            server = Server(
                host="127.0.0.1", port=self._port(), user="oneshot", password=self._password_file.read_text()
            )
            child = process.start(self._command(server, lock), log=self._log, stopping=signal.SIGINT)
            if _ready(server, child):
                return server, child
            child.stop(grace=10.0)
            said = self._log.read_bytes()[said_before:].decode(errors="replace")
            if "Address already in use" not in said:
                break
        raise NeedsHuman(f"Postgres did not start in {self.home}: {_tail(said)}", reason="database_not_started")

    def _initialize(self) -> None:
        unfinished = self.home / "postgres.init"
        shutil.rmtree(unfinished, ignore_errors=True)
        _write_private(self._password_file, secrets.token_urlsafe(24))
        unfinished.mkdir(mode=0o700, parents=True)
        if self._dropped:
            give_to_nobody(unfinished)
            give_to_nobody(self._password_file)
        options = ("--username=oneshot", "--auth=scram-sha-256", f"--pwfile={self._password_file}")
        shape = ("--encoding=UTF8", "--locale=C", "--no-instructions", *(() if self._durable else ("--no-sync",)))
        done = process.run(
            process.Command(
                argv=(*self._prefix, str(self._bin / "initdb"), f"--pgdata={unfinished}", *options, *shape),
                cwd=self.home,
                env=process.clean_environment(),
                timeout=_PATIENCE,
            )
        )
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            said = _tail((done.stdout + done.stderr).decode(errors="replace"))
            raise NeedsHuman(f"initdb failed in {self.home}: {said}", reason="database_not_started")
        unfinished.rename(self._data)

    def _command(self, server: Server, lock: int) -> process.Command:
        sockets = self._sockets(server.port)
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={server.port}",
            f"unix_socket_directories={sockets or ''}",
            "unix_socket_permissions=0700",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
            *(() if self._durable else _FAST),
        )
        return process.Command(
            argv=(*self._prefix, str(self._bin / "postgres"), "-D", str(self._data), *_options(settings)),
            cwd=self.home,
            env=process.clean_environment(),
            pass_fds=(lock,),
        )

    def _sockets(self, port: int) -> Path | None:
        """None where the path is too long for a socket; then there is TCP alone."""
        folder = self.home / "run"
        if len(os.fsencode(folder / f".s.PGSQL.{port}.lock")) > _LONGEST_SOCKET_PATH:
            return None
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._dropped:
            give_to_nobody(folder)
        return folder

    def _port(self) -> int:
        """The port of the last start when it is free still, so that open pages and shells find the server again."""
        before = read(self.home)
        for port in (before.port if before is not None else 0, 0):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
        raise BadInput(
            tried="start Postgres", found="no free port on 127.0.0.1", do="close some programs and try again"
        )


def _ready(server: Server, child: process.Child) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while child.poll() is None and time.monotonic() < deadline:
        if _answers(server, database="postgres"):
            return True
        time.sleep(0.01)
    return False


def _answers(server: Server, *, database: str = DATABASES[0]) -> bool:
    import psycopg

    try:
        psycopg.connect(server.url(database, "postgresql"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_databases(server: Server) -> None:
    import psycopg
    from psycopg import sql

    with psycopg.connect(server.url("postgres", "postgresql"), autocommit=True, connect_timeout=10) as connection:
        there = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in DATABASES:
            if name not in there:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _options(settings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for setting in settings for word in ("-c", setting))


def _forget_dead_postmaster(home: Path) -> None:
    """Postgres takes a zombie, or another process with that pid, for its own predecessor and refuses; our lock knows better."""
    data = home / "postgres"
    if _is_served(data):
        return
    (data / "postmaster.pid").unlink(missing_ok=True)
    shutil.rmtree(home / "run", ignore_errors=True)


def _is_served(data: Path) -> bool:
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return False
    if process.start_time(pid) is None:
        return False
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return True


def _tail(said: str) -> str:
    """The last lines as one; the reason is among them, not always in the one that says FATAL."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " | ".join(lines[-4:]) or "it said nothing"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
