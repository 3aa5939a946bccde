"""What all tests share: one embedded Postgres, databases of one's own on it, and no test that silently did not run."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from contract.stale import StaleGaps
from hypothesis import HealthCheck, settings
from psycopg import sql

from oneshot_dagster.local.postgres import Server, running

MakeDatabase = Callable[..., str]
_HOME = "postgres_home"
_OPEN = pytest.StashKey[contextlib.ExitStack]()

# How long an example takes says how busy the machine is, and nothing of what it claims.
settings.register_profile("by no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("by no clock")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(StaleGaps(), "stale-gaps")
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(DidNotRun(), "did-not-run")
    if config.getoption("numprocesses", None):
        stack = config.stash[_OPEN] = contextlib.ExitStack()
        home = Path(tempfile.mkdtemp(prefix="oneshot-tests-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.enter_context(running(home, durable=False))
        config.pluginmanager.register(ForWorkers(home), "postgres-for-workers")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _OPEN in config.stash:
        config.stash[_OPEN].close()


class ForWorkers:
    """The controller outlives its workers, so it owns the server; it tells them where."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node) -> None:
        node.workerinput[_HOME] = str(self.home)


class DidNotRun:
    """Names each skipped test and why; with CI=true they fail the session."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = _why(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped[report.nodeid] = _why(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK and os.environ.get("CI") == "true":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("not everything ran")
        for test, why in sorted(self.skipped.items()):
            terminalreporter.write_line(f"did not run: {test}: {why}")


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests and workers; never stop it, it is everybody's."""
    given = getattr(request.config, "workerinput", {}).get(_HOME)
    home = Path(given) if given is not None else tmp_path_factory.mktemp("postgres")
    with running(home, durable=False) as server:
        yield server


@pytest.fixture
def make_database(postgres: Server) -> Iterator[MakeDatabase]:
    """Call it with the name of a template database, or with nothing, for the URL of a new one; dropped after the test."""
    with _databases(postgres) as make:
        yield make


@pytest.fixture(scope="session")
def make_lasting_database(postgres: Server) -> Iterator[MakeDatabase]:
    """As `make_database`, for a template that the whole session uses."""
    with _databases(postgres) as make:
        yield make


@contextlib.contextmanager
def _databases(server: Server) -> Generator[MakeDatabase]:
    made: list[str] = []

    def make(template: str | None = None) -> str:
        name = f"test_{secrets.token_hex(6)}"
        _execute(server, sql.SQL("create database {} template {}"), name, template or "template1")
        made.append(name)
        return server.url(name)

    try:
        yield make
    finally:
        for name in made:
            _execute(server, sql.SQL("drop database if exists {} with (force)"), name)


def _execute(server: Server, statement: sql.SQL, *names: str) -> None:
    url = server.url("postgres", "postgresql")
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement.format(*map(sql.Identifier, names)))
