"""Test suites as child processes of ours, each in a sandbox: clean environment, limits, the whole tree killed.
What a result means is domain.test_results; how the sandbox holds is system.sandbox."""

import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.domain.test_results import SuiteResult, judge_suite
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.process import Command, clean_environment
from oneshot_dagster.system.sandbox.room import Address, Room
from oneshot_dagster.system.sandbox.sandbox import Ended, Sandbox

OUTPUT_LIMIT = 8 * 2**20
REPORT_LIMIT = 16 * 2**20
LOG_TAIL = 20_000
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, kw_only=True)
class LocalSuites:
    """`scratch` holds HOME, TMPDIR and the report of a suite while it runs."""

    scratch: Path
    sandbox: Sandbox = field(default_factory=Sandbox)

    @property
    def not_enforced(self) -> tuple[str, ...]:
        return self.isolation().missing

    def isolation(self, *, reach: tuple[Address, ...] = (), host_network: bool = False) -> Isolation:
        return self.sandbox.isolation(reach=reach, host_network=host_network)

    def run(self, request: SuiteRequest, *, say: Callable[[str], None], cancelled: Callable[[], bool]) -> SuiteResult:
        say(f"{request.suite}: {request.command}")
        self.scratch.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="suite-", dir=self.scratch))
        try:
            result = _run_in(self.sandbox, place, request, cancelled)
        finally:
            _remove(place)
        say(f"{request.suite}: {result.verdict}" + (f", {result.reason}" if result.reason else ""))
        return result


def _run_in(sandbox: Sandbox, place: Path, request: SuiteRequest, cancelled: Callable[[], bool]) -> SuiteResult:
    report = place / "junit.xml"
    try:
        ended = sandbox.run(_command(place, report, request), _room(place, request), cancelled=cancelled)
    except OSError as problem:
        return judge_suite(
            request.suite,
            request.command,
            request.sha,
            exit_code=None,
            timed_out=False,
            junit=None,
            log_tail=f"could not be started in {request.folder}: {problem.strerror}",
            seconds=0.0,
            missing_command=True,
        )
    finished = ended.finished
    return judge_suite(
        request.suite,
        request.command,
        request.sha,
        exit_code=None if finished.cancelled or finished.timed_out else finished.returncode,
        timed_out=finished.timed_out,
        junit=_read(report),
        log_tail=_tail(ended),
        seconds=finished.seconds,
    )


def _room(place: Path, request: SuiteRequest) -> Room:
    return Room(
        writable=(request.folder, place, *([request.home] if request.home else [])),
        reach=request.reach,
        host_network=request.host_network,
    )


def _command(place: Path, report: Path, request: SuiteRequest) -> Command:
    home, temporary = request.home or place / "home", place / "tmp"
    home.mkdir(exist_ok=True)
    temporary.mkdir()
    sha = request.sha if _SHA.fullmatch(request.sha) else ""
    line = request.command.replace("{junit}", shlex.quote(str(report))).replace("{sha}", sha)
    ours = {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    return Command(
        argv=("/bin/bash", "-c", f"exec 2>&1\n{line}"),  # one stream keeps the order of the two
        cwd=request.folder,
        env=clean_environment() | dict(request.env) | ours,
        timeout=request.timeout,
        output_limit=OUTPUT_LIMIT,
        pass_fds=() if request.held is None else (request.held,),
    )


def _read(report: Path) -> bytes | None:
    """The report, where the suite left a plain file of a sane size; a link could lead anywhere."""
    with suppress(OSError):
        descriptor = os.open(report, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size <= REPORT_LIMIT:
                return file.read(REPORT_LIMIT)
    return None


def _tail(ended: Ended) -> str:
    text = ended.finished.stdout.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    notes = [
        *([f"the log was cut: more than {OUTPUT_LIMIT} bytes"] if ended.finished.truncated else []),
        *([f"it was ended: {ended.exceeded}"] if ended.exceeded else []),
        *([f"the sandbox did not let it through to {', '.join(ended.refused)[:1000]}"] if ended.refused else []),
    ]
    said = "".join(f"\n--- {note} ---\n" for note in notes).rstrip("\n")
    return text[-LOG_TAIL + len(said) :] + said


def _remove(place: Path) -> None:
    """Also what a suite made unwritable for itself."""
    shutil.rmtree(place, ignore_errors=True)
    if not place.exists():
        return
    for folder, _, _ in os.walk(place):
        with suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)
