"""What a command of others may see, change and reach, and how much it may use. How that is enforced is not here."""

import re
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})):(?P<port>[1-9][0-9]{0,4})")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[^/?#:@\s]+)(?::(?P<port>[0-9]{1,5}))?(?:[/?#].*)?"
)
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host, without brackets and in lower case, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return _LOOPBACK.fullmatch(self.host) is not None

    @property
    def is_name(self) -> bool:
        """Rather than a number."""
        return ":" not in self.host and not re.fullmatch(r"[0-9.]+", self.host)


def address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise BadInput(tried="read an address", found=repr(text[:100]), do='write "host:port"')
    return Address(match["host"].strip("[]").lower(), int(match["port"]))


def address_of(url: str) -> Address:
    """Whom a client asks for that URL."""
    match = _URL.fullmatch(url)
    port = int((match and match["port"]) or 0) or (443 if match and match["scheme"] == "https" else 80)
    if match is None or port > 65535:
        raise BadInput(tried="read a URL", found=repr(url[:100]), do="write http:// or https:// and a host")
    return Address(match["host"].strip("[]").lower(), port)


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """Nothing that is not named is there. What is in `hidden` is empty; a name deeper down is stronger.

    `reach` is all of the network that there is; with `host_network` all of the machine's is open.
    """

    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    reach: tuple[Address, ...] = ()
    host_network: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Of the whole process tree; `memory` in bytes is also what a single process may have as data, `file` its longest file."""

    memory: int = 4 * 2**30
    processes: int = 512
    file: int = 8 * 2**30
