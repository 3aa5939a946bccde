"""Which kind of sandbox works on this machine, found out by running one, once a process."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from oneshot_dagster.system.process import Command, clean_environment, run
from oneshot_dagster.system.sandbox import bubblewrap, landlock, seccomp
from oneshot_dagster.system.sandbox.confinement import confined
from oneshot_dagster.system.sandbox.pipes import readable
from oneshot_dagster.system.sandbox.room import Bounds, Room


class Kind(StrEnum):
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Working:
    """`why` says what keeps the stronger kinds from working; empty for the strongest."""

    kind: Kind
    why: str = ""


@cache
def working() -> Working:
    no_bubblewrap = why_not_bubblewrap()
    if not no_bubblewrap:
        return Working(kind=Kind.BUBBLEWRAP)
    no_landlock = why_not_landlock()
    if not no_landlock:
        return Working(kind=Kind.LANDLOCK, why=no_bubblewrap)
    return Working(kind=Kind.NONE, why=f"{no_bubblewrap}; {no_landlock}")


def why_not_bubblewrap() -> str:
    """Empty where it works."""
    if not seccomp.is_known_machine():
        return "this architecture's system calls are not known"
    room = Room(writable=())
    with readable(seccomp.program(seccomp.IN_A_NAMESPACE)) as filter_:
        options = bubblewrap.options(room, cwd=Path("/"), seccomp=filter_, hosts=Path("/dev/null"), outlet=None)
        return _why_not(
            "bubblewrap", (bubblewrap.PROGRAM, *options, "--", *bubblewrap.limits(Bounds()), "true"), (filter_,)
        )


def why_not_landlock() -> str:
    """Empty where it works, with seccomp."""
    if not seccomp.is_known_machine() or not landlock.version():
        return "the kernel has no landlock"
    return _why_not("landlock and seccomp", confined(("true",), Room(writable=()), (), Bounds()), ())


def _why_not(name: str, argv: tuple[str, ...], descriptors: tuple[int, ...]) -> str:
    try:
        ended = run(Command(argv=argv, cwd=Path("/"), env=clean_environment(), timeout=20.0, pass_fds=descriptors))
    except OSError as problem:
        return f"{name} does not start: {problem.strerror}"
    if ended.returncode == 0:
        return ""
    said = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
    return f"{name} does not work: {said or f'exit code {ended.returncode}'}"
