"""What every sandbox shows of the machine: the distribution's programs, the interpreter that runs us, and a few files of /etc.
Toolchains elsewhere are named by the operator; keys and the rest of /etc stay out."""

import os
import sys
from collections.abc import Iterable, Iterator, Set
from functools import cache
from pathlib import Path

PROGRAMS = tuple(Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"))
INSIDE = Path(__file__).parent  # our own programs that run in there
_OTHERS = (Path("/nix/store"), Path("/opt"))
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "chromium",
    "chromium.d",
    "debian_version",
    "environment.d",
    "ethertypes",
    "fonts",
    "group",
    "host.conf",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "magic.mime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki",
    "protocols",
    "python3",
    "python3.11",
    "rpc",
    "services",
    "shells",
    "skel",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "vulkan",
    "xdg",
)


@cache
def shown() -> tuple[Path, ...]:
    """Files and folders, parents first; the folders of PROGRAMS that are links are left out."""
    ours = (Path(sys.prefix), Path(sys.base_prefix), INSIDE, *_OTHERS)
    etc = tuple(Path("/etc", name) for name in _ETC)
    java = tuple(sorted(Path("/etc").glob("java*")))
    places = (place for place in (*PROGRAMS, *ours, *etc, *java) if not (place in PROGRAMS and place.is_symlink()))
    return _outermost(place for place in places if place.exists())


@cache
def links() -> tuple[tuple[str, Path], ...]:
    """Target and place of each folder of programs that is a link, as /bin is to usr/bin."""
    return tuple((str(place.readlink()), place) for place in PROGRAMS if place.is_symlink())


def path_in(path: str, seen: Iterable[Path]) -> str:
    """A PATH without the folders that are not to be seen: what lies there would be found and could not be started."""
    tops = {*seen, *(place for _, place in links())}
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if is_below(Path(folder), tops))


def is_below(place: Path, tops: Set[Path]) -> bool:
    return not tops.isdisjoint((place, *place.parents))


def _outermost(places: Iterable[Path]) -> tuple[Path, ...]:
    def keep() -> Iterator[Path]:
        kept: set[Path] = set()
        for place in sorted(set(places), key=lambda one: len(one.parts)):
            if not is_below(place, kept):
                kept.add(place)
                yield place

    return tuple(keep())
