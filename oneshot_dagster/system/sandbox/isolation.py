"""What each kind of sandbox gives and does not give, in phrases for people."""

from oneshot_dagster.domain.isolation import FILES, NETWORK, Isolation
from oneshot_dagster.system.sandbox import landlock
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.room import Address, Bounds

_GIVES = {
    Kind.BUBBLEWRAP: ("bubblewrap: own files, own processes, no capability", "seccomp"),
    Kind.LANDLOCK: ("landlock: named files alone", "seccomp: sockets watched, no Unix sockets, no shared memory"),
    Kind.NONE: (),
}
_LACKS = {
    Kind.BUBBLEWRAP: (),
    Kind.LANDLOCK: (
        "the list of processes is visible",
        "modes and times of the account's other files can be changed",
        "the folder for temporary files is the machine's",
    ),
    Kind.NONE: (NETWORK, FILES, "a process tree that cannot be left"),
}


def isolation_of(kind: Kind, bounds: Bounds, *, reach: tuple[Address, ...], host_network: bool) -> Isolation:
    missing = list(_LACKS[kind])
    if kind is Kind.LANDLOCK and landlock.version() < landlock.SIGNALS:
        missing.append("signals to the account's other processes")
    if host_network and kind is not Kind.NONE:
        missing.append(f"{NETWORK} (opened by name)")
        if kind is Kind.BUBBLEWRAP:
            missing.append("abstract Unix sockets of the machine can be reached, as its network can")
    limits = f"limits: {bounds.memory // 2**20} MiB, {bounds.processes} processes, time, output"
    network = () if kind is Kind.NONE or host_network else (_network(reach),)
    return Isolation(layers=(*_GIVES[kind], *network, limits), missing=tuple(missing))


def _network(reach: tuple[Address, ...]) -> str:
    return f"network: only {', '.join(map(str, reach))}" if reach else "network: none"
