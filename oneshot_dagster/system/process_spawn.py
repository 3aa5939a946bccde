"""One thread that forks every child of this process, and the record of those that live.
PDEATHSIG follows the thread that forked, so a worker thread may not fork. It is set by `setpriv`: with Dagster loaded,
vfork + setpriv costs 1.7 ms a start, fork + preexec_fn 4.6 ms and gRPC's fork handlers. What a child starts, and a child
whose starter dies before the signal is set, guardian.sh ends."""

import contextlib
import errno
import itertools
import os
import queue
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.system import process_tree


@dataclass(frozen=True, kw_only=True)
class Spawn:
    """What to start; `stopping` is the signal it gets when we die (SIGKILL: its whole tree at once, else its own end)."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    pass_fds: tuple[int, ...]
    stdin: int
    stdout: int
    stderr: int
    stopping: signal.Signals = signal.SIGKILL


class Spawned:
    """A child that is not reaped before its tree is gone, so that neither its pid nor its group can be another's."""

    def __init__(self, popen: "subprocess.Popen[bytes]", mark: bytes) -> None:
        self.popen = popen
        self.pid = popen.pid
        self._mark = mark
        self._leader = process_tree.read(popen.pid)
        self._ending = threading.Lock()
        self._ended = False

    def has_exited(self) -> bool:
        if self.popen.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def kill_tree(self, *, recent: bool = False) -> None:
        with self._ending:
            if self._leader is not None and not self._ended:
                process_tree.kill_tree(self._leader, self._mark, recent=recent)
            self._ended = True

    def reap(self) -> int:
        """Ends the tree, forgets the child and gives its return code (negative: the signal)."""
        self.kill_tree()
        with self._ending:
            try:
                code = self.popen.wait(timeout=10.0)
            except subprocess.TimeoutExpired:  # in an uninterruptible call of the kernel: it dies when that returns
                code = -signal.SIGKILL
            _starter().forget(self)
        return code


class _Starter:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.living: dict[int, Spawned] = {}
        self._token = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._guardian = self._start_guardian()
        threading.Thread(target=self._serve, name="process-starter", daemon=True).start()

    def start(self, spawn: Spawn) -> Spawned:
        answer: Future[Spawned] = Future()

        def act() -> None:
            try:
                answer.set_result(self._fork(spawn))
            except BaseException as error:  # noqa: BLE001 (it is raised again in the thread that asked)
                answer.set_exception(error)

        self._asked.put(act)
        return answer.result()

    def forget(self, child: Spawned) -> None:
        if self.living.pop(child.pid, None) is not None:
            self._tell(f"-{child.pid}\n")

    def _serve(self) -> None:
        while True:
            self._asked.get()()

    def _fork(self, spawn: Spawn) -> Spawned:
        kind = "k" if spawn.stopping == signal.SIGKILL else "s"
        mark = f"{self._token}{kind}{next(self._numbers)}."
        popen = subprocess.Popen(
            (*_prefix(spawn.stopping), *spawn.argv),
            cwd=spawn.cwd,
            env={**spawn.env, process_tree.MARK: "/".join(filter(None, (os.environ.get(process_tree.MARK), mark)))},
            stdin=spawn.stdin,
            stdout=spawn.stdout,
            stderr=spawn.stderr,
            pass_fds=spawn.pass_fds,
            start_new_session=True,
        )
        child = Spawned(popen, mark.encode())
        self.living[popen.pid] = child
        if spawn.stopping == signal.SIGKILL:
            self._tell(f"+{popen.pid}\n")
        return child

    def _start_guardian(self) -> int:
        script = Path(__file__).with_name("guardian.sh")
        reading, writing = os.pipe()
        try:
            subprocess.Popen(  # its starter is gone before it ends, so nobody waits for it
                ("/bin/sh", str(script), f"{self._token}k", f"{self._token}s"),
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
            ).returncode = 0
        finally:
            os.close(reading)
        return writing

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._guardian, line.encode())


class _Current:
    """The starter of this process; a fork (not an exec) of it needs a new one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.starter: _Starter | None = None


_current = _Current()


def _starter() -> _Starter:
    with _current.lock:
        if _current.starter is None or _current.starter.pid != os.getpid():
            _current.starter = _Starter()
        return _current.starter


def start(spawn: Spawn) -> Spawned:
    """Raises FileNotFoundError, PermissionError or another OSError as the OS says when it cannot start."""
    check_startable(spawn.argv[0], cwd=spawn.cwd, path=spawn.env.get("PATH"))
    return _starter().start(spawn)


def living() -> tuple[Spawned, ...]:
    return tuple(_starter().living.values())


@cache
def _prefix(stopping: signal.Signals) -> tuple[str, ...]:
    setpriv, env = shutil.which("setpriv"), shutil.which("env")
    if setpriv is None or env is None:
        raise BadInput(tried="start a command", found="no setpriv on the PATH", do="install util-linux 2.33 or later")
    bound = (setpriv, "--pdeathsig", stopping.name.removeprefix("SIG"), "--")
    if stopping == signal.SIGKILL:
        return bound
    # A shell that started us in the background leaves SIGINT ignored, and Dagster then ignores SIGTERM too.
    return (env, "--default-signal=INT,TERM,HUP,QUIT", *bound)


def check_startable(name: str, *, cwd: Path, path: str | None) -> None:
    """What exec would say, said before another program turns it into an exit code."""
    if not cwd.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(cwd))
    if "/" in name:
        place = cwd / name
        if not place.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if place.is_dir() or not os.access(place, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    elif shutil.which(name, path=os.defpath if path is None else path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
