"""Test suites as child processes of ours: clean environment, time and output limits, the whole tree killed.
What a result means is domain.test_results; isolation beyond this is a sandbox's."""

import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.test_results import SuiteResult, judge_suite
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.process import Command, Finished, clean_environment, run

OUTPUT_LIMIT = 8 * 2**20
REPORT_LIMIT = 16 * 2**20
LOG_TAIL = 20_000
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, kw_only=True)
class LocalSuites:
    """`scratch` holds HOME, TMPDIR and the report of a suite while it runs."""

    scratch: Path

    @property
    def not_enforced(self) -> tuple[str, ...]:
        return ("network isolation", "filesystem isolation", "memory limit")

    def run(self, request: SuiteRequest, *, say: Callable[[str], None], cancelled: Callable[[], bool]) -> SuiteResult:
        say(f"{request.suite}: {request.command}")
        self.scratch.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="suite-", dir=self.scratch))
        try:
            result = _run_in(place, request, cancelled)
        finally:
            _remove(place)
        say(f"{request.suite}: {result.verdict}" + (f", {result.reason}" if result.reason else ""))
        return result


def _run_in(place: Path, request: SuiteRequest, cancelled: Callable[[], bool]) -> SuiteResult:
    report = place / "junit.xml"
    try:
        finished = run(_command(place, report, request), cancelled=cancelled)
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
    return judge_suite(
        request.suite,
        request.command,
        request.sha,
        exit_code=None if finished.cancelled or finished.timed_out else finished.returncode,
        timed_out=finished.timed_out,
        junit=_read(report),
        log_tail=_tail(finished),
        seconds=finished.seconds,
    )


def _command(place: Path, report: Path, request: SuiteRequest) -> Command:
    home, temporary = place / "home", place / "tmp"
    home.mkdir()
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


def _tail(finished: Finished) -> str:
    text = finished.stdout.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    cut = f"\n--- the log was cut: more than {OUTPUT_LIMIT} bytes ---" if finished.truncated else ""
    return text[-LOG_TAIL + len(cut) :] + cut


def _remove(place: Path) -> None:
    """Also what a suite made unwritable for itself."""
    shutil.rmtree(place, ignore_errors=True)
    if not place.exists():
        return
    for folder, _, _ in os.walk(place):
        with suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)
