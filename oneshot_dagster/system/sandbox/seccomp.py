"""Filters of system calls as the kernel reads them. Imported inside the sandbox too, so nothing but the standard library.
A rule is a call, what it answers, and optionally what one of its arguments must be for that."""

import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
_ERRNO, _KILL = 0x00050000, 0x80000000
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
STREAM, SEQPACKET, TYPE_MASK, FAST_OPEN = 1, 5, 0xF, 0x20000000

_NAMES = (
    "socket socketpair connect bind listen sendto sendmsg sendmmsg io_uring_setup io_uring_enter io_uring_register bpf userfaultfd "
    "perf_event_open keyctl add_key request_key shmget shmat shmctl semget semctl semop msgget msgsnd msgrcv msgctl mq_open "
    "prlimit64 pidfd_getfd ptrace kexec_load acct swapon reboot"
)
_NUMBERS = {
    "x86_64": (
        "41 53 42 49 50 44 46 307 425 426 427 321 323 298 250 248 249 29 30 31 64 66 65 68 69 70 71 240 302 438 101 246 163 "
        "167 169"
    ),
    "aarch64": (
        "198 199 203 200 201 206 211 269 425 426 427 280 282 241 219 217 218 194 196 195 190 191 193 186 189 188 187 180 261 "
        "438 117 104 89 224 142"
    ),
}
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`argument`'s low half, after `mask`, must be in `values` (or, with `unless`, must not) for `answer` to be given."""

    call: str
    answer: int
    argument: int | None = None
    mask: int = 0xFFFFFFFF
    values: tuple[int, ...] = ()
    unless: bool = False


def refuse(number: int = errno.EPERM) -> int:
    return _ERRNO | number


def number(call: str) -> int:
    numbers = map(int, _NUMBERS[platform.machine()].split())
    known: dict[str, int] = dict(zip(_NAMES.split(), numbers, strict=True))
    return known[call]


def is_known_machine() -> bool:
    return platform.machine() in _AUDIT


def program(rules: Sequence[Rule]) -> bytes:
    """The first rule that fits decides; a call without one is allowed, a call of another architecture kills."""
    lines = [
        _line(_LOAD, _ARCH),
        _line(_EQUAL, _AUDIT[platform.machine()], jump=1),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
        *([_line(_AT_LEAST, _X32, miss=1), _line(_RETURN, _KILL)] if platform.machine() == "x86_64" else []),
    ]
    for rule in rules:
        lines += _rule(rule)
    return b"".join([*lines, _line(_RETURN, ALLOW)])


def _rule(rule: Rule) -> list[bytes]:
    if rule.argument is None:
        return [_line(_EQUAL, number(rule.call), miss=1), _line(_RETURN, rule.answer)]
    tests = [_line(_LOAD, _ARGUMENTS + 8 * rule.argument), _line(_AND, rule.mask)]
    count = len(rule.values)
    for place, value in enumerate(rule.values):
        tests.append(_line(_EQUAL, value, jump=count - place))  # over the other tests and the first line of the tail
    # Here no value fitted.
    tail = [_line(_RETURN, rule.answer)] if rule.unless else [_goto(1), _line(_RETURN, rule.answer)]
    body = [*tests, *tail, _line(_LOAD, _NUMBER)]
    return [_line(_EQUAL, number(rule.call), miss=len(body)), *body]


def _goto(over: int) -> bytes:
    return struct.pack("HBBI", 0x05, 0, 0, over)


def _line(code: int, k: int, *, jump: int = 0, miss: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump, miss, k)


_NEVER = tuple(
    Rule(call=call, answer=refuse())
    for call in (
        *("bpf", "userfaultfd", "perf_event_open", "pidfd_getfd"),
        *("keyctl", "add_key", "request_key"),
        *("kexec_load", "acct", "swapon", "reboot"),
    )
)
_NO_RING = tuple(
    Rule(call=call, answer=refuse(errno.ENOSYS)) for call in ("io_uring_setup", "io_uring_enter", "io_uring_register")
)

IN_A_NAMESPACE = (
    # A VM's own sockets and the like know no network namespace.
    Rule(
        call="socket",
        argument=0,
        values=(AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
        unless=True,
        answer=refuse(errno.EAFNOSUPPORT),
    ),
    *_NEVER,
    *_NO_RING,
)

_FAST_OPENING = tuple(
    Rule(call=call, argument=argument, mask=FAST_OPEN, values=(FAST_OPEN,), answer=refuse())
    for call, argument in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
)
_SHARED = (
    *("shmget", "shmat", "shmctl", "semget", "semctl", "semop"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open"),
)

# A pair of datagram sockets can still send to a named one.
_PAIRS = Rule(call="socketpair", argument=1, mask=TYPE_MASK, values=(STREAM, SEQPACKET), unless=True, answer=refuse())
_SHARING_NOTHING = (
    Rule(call="prlimit64", argument=0, values=(0,), unless=True, answer=refuse()),
    *(Rule(call=call, answer=refuse()) for call in _SHARED),
    *_NEVER,
    *_NO_RING,
)

# Only TCP, and where it leads is decided by who watches; what is shared with the machine's other processes is closed.
WATCHED = (
    Rule(call="socket", argument=0, values=(AF_INET, AF_INET6), unless=True, answer=refuse()),
    Rule(call="socket", argument=1, mask=TYPE_MASK, values=(STREAM,), unless=True, answer=refuse()),
    Rule(call="socket", argument=2, values=(0, 6), unless=True, answer=refuse()),
    _PAIRS,
    *(Rule(call=call, answer=NOTIFY) for call in ("connect", "bind", "listen")),
    *_FAST_OPENING,
    *_SHARING_NOTHING,
)
# With the machine's network open there are still no Unix sockets, which no rule tells apart by their path, and no shared memory.
NETWORK_OPEN = (
    Rule(
        call="socket",
        argument=0,
        values=(AF_INET, AF_INET6, AF_NETLINK),
        unless=True,
        answer=refuse(errno.EAFNOSUPPORT),
    ),
    _PAIRS,
    *_SHARING_NOTHING,
)
