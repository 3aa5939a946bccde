"""A whole local stack as a person has it: `oneshot dev` as a process of its own, in a home and on ports of its own.
Everything is asked from outside: by the CLI, the forge's API, the deployed service, the store and Dagster's instance."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from contract import forge_record
from free_ports import free_ports

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import OWNER, REPOSITORY, PlantedIssue, new_issue
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.system.process import start_time

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class StackWorld:
    """`start` and `kill` the stack at will; its home stays. Without a database it has an embedded Postgres of its own."""

    def __init__(
        self, home: Path, *, database_url: str | None = None, env: Mapping[str, str] | None = None, web: bool = False
    ) -> None:
        self.web = web
        web_port, forge, code_server, service, hooks = free_ports(5)
        self.home, self.database_url = home, database_url
        self.ports = {"web": web_port, "forge": forge, "code_server": code_server, "service": service, "hooks": hooks}
        self.web_url = f"http://127.0.0.1:{web_port}"
        self.forge_url, self.service_url = f"http://127.0.0.1:{forge}", f"http://127.0.0.1:{service}"
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ},
            **{f"ONESHOT_PORTS__{name.upper()}": str(port) for name, port in self.ports.items()},
            **({"ONESHOT_DATABASE_URL": database_url} if database_url else {}),
            "ONESHOT_HOME": str(home),
            "DAGSTER_HOME": str(CHECKOUT),
            "USER": "grace",
            **(env or {}),
        }
        self._stack: subprocess.Popen[bytes] | None = None
        self._store: PostgresStore | None = None
        self._instance: dg.DagsterInstance | None = None
        self._random = random.Random()

    # The stack

    def start(self) -> None:
        """Returns when it is up."""
        forge_record.begin(self.home / "forge")
        log = self.home / "dev.log"
        with log.open("wb") as output:
            self._stack = self.popen(
                "dev", "--web" if self.web else "--no-web", stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C stops everything" not in log.read_text():
            assert self._stack.poll() is None, f"the stack ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"the stack does not come up: {log.read_text()}"
            time.sleep(0.05)

    def stop(self) -> int:
        """In order, as Ctrl-C does; the exit code."""
        assert self._stack is not None
        self._stack.send_signal(signal.SIGINT)
        return self._stack.wait(timeout=30)

    def kill(self) -> None:
        """Only the owner of the stack; its parts go because it is gone."""
        assert self._stack is not None
        self._stack.kill()
        self._stack.wait()

    def part(self, name: str) -> int:
        """The pid of a part as it is recorded now."""
        return int(self.recorded()["parts"][name]["pid"])

    def recorded(self) -> dict:
        return json.loads((self.home / "stack.json").read_text())

    def kill_part(self, name: str) -> None:
        """With everything that it started, as when a machine loses power; the stack starts it again by itself."""
        os.killpg(self.part(name), signal.SIGKILL)

    def kill_postgres(self) -> None:
        """The embedded one, with every connection to it. The stack has to be started again."""
        os.kill(int((self.home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        if self._store is not None:
            self._store.close()
            self._store = None

    def wait_mended(self, name: str, before: int) -> None:
        self.wait_until(lambda: self.part(name) != before, f"the {name} is started again")

    def end(self) -> None:
        if self._store is not None:
            self._store.close()
        if self._instance is not None:
            self._instance.dispose()
        if self._stack is not None and self._stack.poll() is None:
            self.stop()

    def check_forge(self) -> None:
        """What was asked of it and what it answered is as GitHub describes it; when everything has ended."""
        if self._stack is not None:
            forge_record.check(self.home / "forge")

    # The command line

    def popen(self, *arguments: str, env: Mapping[str, str] | None = None, **more) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            (sys.executable, "-m", "oneshot_dagster.cli.main", *arguments),
            cwd=CHECKOUT,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **more,
        )

    def oneshot(self, *arguments: str, timeout: float = 120, env: Mapping[str, str] | None = None) -> Said:
        process = self.popen(*arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"oneshot {arguments} did not end: {out.decode()}\n{err.decode()}") from None
        return Said(process.returncode, out.decode(), err.decode())

    def dagster(self, *arguments: str, timeout: float = 60) -> Said:
        done = subprocess.run(
            (sys.executable, "-m", "dagster", *arguments),
            cwd=CHECKOUT,
            env=self.env,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def launch(self, key: object, *, select: str | None = None) -> Said:
        """As the README prints it, with this world's own workspace."""
        tags = json.dumps({"dagster/partition": str(key)})
        only = ("-o", select) if select else ()
        return self.dagster(
            "job", "launch", "-j", "one_shot", "-w", f"{self.home}/workspace.yaml", "--tags", tags, *only
        )

    # What is outside

    def forge(self, login: str = OWNER) -> ForgeClient:
        return ForgeClient(self.forge_url, (self.home / "tokens" / login).read_text())

    def issue(self, kind: Kind) -> tuple[ChangeKey, PlantedIssue]:
        planted = new_issue(self.forge(), kind, self._random)
        return ChangeKey.parse(f"{REPOSITORY}#{planted.number}"), planted

    def remote(self) -> Remote:
        return Remote(url=self.forge().clone_url(REPOSITORY), token_file=self.home / "tokens" / OWNER)

    def push_branch(self, branch: str, *, replace: Mapping[str, tuple[str, str]], scratch: Path) -> str:
        """A branch off main with texts replaced, by file; its SHA."""
        remote, tree = self.remote(), scratch / f"push-{branch}"
        git("clone", "--quiet", remote.url, str(tree), cwd=scratch, remote=remote)
        for name, (old, new) in replace.items():
            text = (tree / name).read_text()
            assert old in text
            (tree / name).write_text(text.replace(old, new))
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")
        git(*who, "commit", "--quiet", "--all", "--message", f"The branch {branch}", cwd=tree)
        git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", cwd=tree, remote=remote)
        return git("rev-parse", "HEAD", cwd=tree).strip()

    # What is inside

    @property
    def store(self) -> PostgresStore:
        if self._store is None:
            self._store = PostgresStore(self.database("oneshot"), application_name="whole-run test")
        return self._store

    def attempts(self, key: ChangeKey) -> tuple[Attempt, ...]:
        return self.store.runs.all_of(key)

    def instance(self) -> dg.DagsterInstance:
        if self._instance is None:
            with self._environment():
                self._instance = dg.DagsterInstance.get()
        return self._instance

    def materialized(self, run_id: str) -> list[str]:
        events = self.instance().get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        return [event.asset_key.to_user_string() for event in (r.event_log_entry.dagster_event for r in events.records)]

    def wait_until(self, holds, what: str, *, timeout: float = PATIENCE) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
            time.sleep(0.1)

    def left_running(self) -> list[str]:
        """Every living process with this home in its environment or arguments."""
        mark, found = str(self.home).encode(), []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if not process.name.isdigit() or int(process.name) == os.getpid():
                    continue
                command = (process / "cmdline").read_bytes()
                if mark in command + (process / "environ").read_bytes() and start_time(int(process.name)):
                    found.append(command.replace(b"\0", b" ").decode(errors="replace"))
        return found

    def database(self, database: str) -> str:
        if self.database_url is not None:
            return self.database_url
        server = json.loads((self.home / "postgres.json").read_text())
        return f"postgresql://{server['user']}:{server['password']}@{server['host']}:{server['port']}/{database}"

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        """Dagster's instance knows no other way to be told."""
        before = dict(os.environ)
        os.environ.update(
            {name: value for name, value in self.env.items() if name.startswith(("ONESHOT_", "DAGSTER_"))}
        )
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
