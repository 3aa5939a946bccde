"""The command line of confine.py for a room, and how our programs are run inside a sandbox: by the same Python, alone."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from oneshot_dagster.system.process_tree import MARK
from oneshot_dagster.system.sandbox.room import Address, Bounds, Room
from oneshot_dagster.system.sandbox.surroundings import INSIDE, is_below, shown

_ROOT = INSIDE.parents[2]
_COMMON = (Path("/proc"), Path("/etc/hosts"), Path("/etc/resolv.conf"))  # the machine's, there being no other
_MORE_OF_THE_USER = 8  # the kernel counts all processes of the user, not those of the tree alone


def program(name: str) -> tuple[str, ...]:
    """The start of a command line: forward or confine."""
    code = (
        f"import sys; sys.path.insert(0, {str(_ROOT)!r});"
        f" from oneshot_dagster.system.sandbox.{name} import main; main(sys.argv[1:])"
    )
    return (sys.executable, "-I", "-S", "-c", code)


def confined(
    argv: tuple[str, ...], room: Room, reach: tuple[Address, ...], bounds: Bounds, *, held: tuple[int, ...] = ()
) -> tuple[str, ...]:
    """`reach` are the addresses of the loopback that may be reached; `held` are descriptors that the command does not get."""
    hosts = ((*_numbers(one), one.port) for one in reach)
    return (
        *("env", "-u", MARK),  # by which what our own end leaves behind is killed: it has to do that itself
        *program("confine"),
        *(f"r:{place}" for place in (*_without(room.hidden, (*shown(), *room.readable)), *_COMMON)),
        *(f"w:{place}" for place in room.writable),
        *(f"t:{number} {port}" for *numbers, port in hosts for number in numbers),
        *(("network",) if room.host_network else ()),
        *(f"held:{descriptor}" for descriptor in held),
        f"memory:{bounds.memory}",
        f"file:{bounds.file}",
        f"processes:{bounds.processes * _MORE_OF_THE_USER}",
        "--",
        *argv,
    )


def _numbers(one: Address) -> tuple[str, ...]:
    return ("127.0.0.1", "::1") if one.host == "localhost" else (one.host,)


def _without(hidden: tuple[Path, ...], places: Iterable[Path]) -> Iterator[Path]:
    """A folder that holds something hidden is named by what else lies in it, since no rule takes anything back."""
    for place in places:
        if place in hidden:
            continue
        if place.is_dir() and any(is_below(one, {place}) for one in hidden):
            yield from _without(hidden, sorted(place.iterdir()))
        else:
            yield place
