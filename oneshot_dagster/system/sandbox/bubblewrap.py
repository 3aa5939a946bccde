"""The bubblewrap command line for a room: own processes, own network, and of the files only what the room names.
Root too gets a user namespace and no capability."""

from collections.abc import Iterator
from pathlib import Path

from oneshot_dagster.system.sandbox.room import Bounds, Room
from oneshot_dagster.system.sandbox.surroundings import links, shown

PROGRAM = "bwrap"
SOCKETS = Path("/run/egress")  # where the folder with the way out is seen
_LARGE, _SMALL = 2**30, 2**20  # bytes of a folder in memory

_SPACES = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
_LOOK = ("--hostname", "sandbox", "--die-with-parent", "--cap-drop", "ALL")
_NOTHING = ("--ro-bind", "/dev/null")
_EMPTY, _HIDING = ("--size", str(_LARGE), "--tmpfs"), ("--size", str(_SMALL), "--tmpfs")


def options(
    room: Room, *, cwd: Path, seccomp: int, hosts: Path, outlet: Path | None, held: int | None = None
) -> tuple[str, ...]:
    """All before `--`. `seccomp` is a descriptor with the filter; `outlet` is the folder with the socket of the way out.
    `held` is a descriptor that stays open as long as anything lives in there, and that the command does not get."""
    return (
        *_SPACES,
        *(() if room.host_network else ("--unshare-net",)),
        *_LOOK,
        *(("--cap-add", "CAP_NET_BIND_SERVICE") if outlet else ()),
        *("--proc", "/proc", "--dev", "/dev", *_EMPTY, "/dev/shm", *_EMPTY, "/tmp", *_HIDING, "/run"),  # noqa: S108
        *(word for target, place in links() for word in ("--symlink", target, str(place))),
        *_mounts(room, cwd),
        *("--ro-bind", str(hosts), "/etc/hosts"),
        *(("--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf") if room.host_network else ()),
        *(("--ro-bind", str(outlet), str(SOCKETS)) if outlet else ()),
        *(("--sync-fd", str(held)) if held is not None else ()),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(cwd), "--seccomp", str(seccomp)),
    )


def limits(bounds: Bounds) -> tuple[str, ...]:
    """What stands inside before the command: the kernel's limits of a process, counted in its own namespace."""
    counted = (f"--nproc={bounds.processes}", f"--data={bounds.memory}", f"--fsize={bounds.file}", "--core=0")
    return ("prlimit", *counted, "--")


def _mounts(room: Room, cwd: Path) -> Iterator[str]:
    """Parents first, so that what is named deeper down is stronger; what is writable comes over what is only readable."""
    wanted: dict[Path, tuple[str, ...]] = {place: ("--ro-bind", str(place)) for place in (*shown(), *room.readable)}
    wanted |= {place: _HIDING if place.is_dir() else _NOTHING for place in room.hidden}
    wanted |= {place: ("--bind", str(place)) for place in (*room.writable, cwd)} if room.writable else {}
    there = {place: words for place, words in wanted.items() if place.exists()}
    for place in sorted(there, key=lambda one: len(one.parts)):
        above = next((there[folder][0] for folder in place.parents if folder in there), None)
        if above != there[place][0] or place in room.hidden:
            yield from (*there[place], str(place))
