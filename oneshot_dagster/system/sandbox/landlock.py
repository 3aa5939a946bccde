"""Landlock: a process gives up all files but those that are named, for itself and what it starts. Imported inside too.
It does not know modes and times of files, nor Unix sockets; it also keeps off processes outside (signals from Linux 6.12 on)."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION_WANTED = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _DEVICE = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SCOPES = 0b11  # abstract Unix sockets, signals
SIGNALS = 6  # the version that has the scopes

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


def version() -> int:
    """0 where the kernel has none, or refuses it."""
    return max(0, _call(_CREATE, None, 0, _VERSION_WANTED))


def restrict(*, readable: Iterable[str], writable: Iterable[str]) -> None:
    """`no_new_privs` must be set. Names that are not there are passed over."""
    has = version()
    known = _known(has)
    ruleset = _made(struct.pack("QQQ", known, 0, _SCOPES if has >= SIGNALS else 0)[: 24 if has >= SIGNALS else 8])
    for path in readable:
        _add(ruleset, path, _READ & known)
    for path in writable:
        _add(ruleset, path, known)
    for path in DEVICES:
        _add(ruleset, path, (_READ_FILE | _WRITE_FILE | _DEVICE) & known)
    if _call(_RESTRICT, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


def _known(has: int) -> int:
    bits = 16 if has >= 5 else 15 if has >= 3 else 14 if has == 2 else 13
    return (1 << bits) - 1


def _made(attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = _call(_CREATE, buffer, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    return ruleset


def _add(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_A_FILE
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        if _call(_ADD, ruleset, _PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(ctypes.c_long(number), *map(_word, arguments)))


def _word(argument: object) -> object:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument
