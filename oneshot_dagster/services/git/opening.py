"""Opens a repository as GitPython's object wired to our command class. GitPython is loaded here, on first use or by `load`."""

import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oneshot_dagster.services.git.command import OurRepo

_loading = threading.Lock()
# GitPython runs `git version` when imported; told of a git that is not there, and to be quiet about it, it finds nothing to run.
_NO_PROBE = {"GIT_PYTHON_GIT_EXECUTABLE": "/nonexistent/git", "GIT_PYTHON_REFRESH": "quiet"}


def open_repository(path: Path) -> "OurRepo":
    return load()(path, expand_vars=False)


def init_bare(path: Path) -> None:
    load().init(path, mkdir=True, expand_vars=False, bare=True, initial_branch="main")


@cache
def _loaded() -> "type[OurRepo]":
    before = {name: os.environ.get(name) for name in _NO_PROBE}
    os.environ.update(_NO_PROBE)
    try:
        from oneshot_dagster.services.git.command import OurRepo
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return OurRepo


def load() -> "type[OurRepo]":
    with _loading:
        return _loaded()
