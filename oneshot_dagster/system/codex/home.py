"""A CODEX_HOME of one session: its configuration, in which every default that is dangerous unattended is set, and the
rollout by which a session is kept and taken up again, also on another machine."""

import contextlib
import gzip
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from oneshot_dagster.system.sandbox.git_folders import GitFolders

KEY_VARIABLE = "CODEX_RUN_API_KEY"
PROFILE = "agent"
_PROVIDER = "factory"
_DEEPEST_SKILL = 8
_LARGEST_SESSION = 64 * 2**20
_SESSION_ID = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """A service that speaks the Responses API. `base_url` ends before `/responses`; `retries` are Codex's own, of each kind."""

    base_url: str
    model: str
    has_key: bool
    retries: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The folders of a session, siblings: with its home under TMPDIR Codex refuses to make its sandbox's helper.

    `own` is the HOME of Codex itself, `home` that of its model's commands: what they write there, Codex must not read as
    somebody's settings. `given` is a HOME that set-up has left for them.
    """

    root: Path
    given: Path | None = None

    @property
    def codex(self) -> Path:
        return self.root / "codex"

    @property
    def own(self) -> Path:
        return self.root / "own"

    @property
    def home(self) -> Path:
        return self.given or self.root / "home"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"


@contextlib.contextmanager
def places(scratch: Path, *, purpose: str, given: Path | None = None) -> Generator[Places]:
    """Made for one session, and gone after it."""
    scratch.mkdir(parents=True, exist_ok=True)
    made = Places(root=Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=scratch)), given=given)
    try:
        for folder in (made.codex, made.own, made.home, made.tmp):
            folder.mkdir(mode=0o700, exist_ok=folder == given)
        yield made
    finally:
        shutil.rmtree(made.root, ignore_errors=True)


def configuration(
    provider: Provider,
    places: Places,
    *,
    worktree: Path,
    path: str,
    readable: tuple[Path, ...],
    writes: bool = True,
) -> dict[str, Any]:
    """Of a session in that worktree. `path` is the PATH of the model's commands, `readable` what they may read beside the
    system and the worktree.

    `writes` False: the worktree too can only be read.
    """
    files: dict[str, object] = {":minimal": "read", str(places.codex / "tmp"): "read"}
    files |= {str(folder): "read" for folder in readable}
    files |= {str(places.home): "write", ":tmpdir": "write", ":workspace_roots": {".": "write" if writes else "read"}}
    return {
        "model": provider.model,
        "model_provider": _PROVIDER,
        "approval_policy": "never",
        "allow_login_shell": False,  # a login shell resets PATH
        "web_search": "disabled",
        "check_for_update_on_startup": False,
        "project_doc_max_bytes": 0,  # the prompt brings what the base says; a worktree's own is anybody's
        "default_permissions": PROFILE,
        "projects": {str(folder): {"trust_level": "untrusted"} for folder in _roots(worktree)},
        "skills": {
            "include_instructions": False,
            "bundled": {"enabled": False},
            "config": [{"path": str(found), "enabled": False} for found in _skills(worktree)],
        },
        "history": {"persistence": "none"},
        "analytics": {"enabled": False},
        "features": dict.fromkeys(
            (
                "plugins",
                "apps",
                "shell_snapshot",
                "unbounded_connection_retries",
                "goals",
                "multi_agent",
                "image_generation",
                "hooks",
                "computer_use",
                "browser_use",
            ),
            False,
        ),
        "shell_environment_policy": {
            "inherit": "none",
            "set": {"PATH": path, "HOME": str(places.home), "TMPDIR": str(places.tmp), "LANG": "C.UTF-8"},
        },
        "permissions": {PROFILE: {"filesystem": files, "network": {"enabled": False}}},
        "model_providers": {
            _PROVIDER: {
                "name": _PROVIDER,
                "base_url": provider.base_url,
                "wire_api": "responses",
                "requires_openai_auth": False,
                "supports_websockets": False,
                "request_max_retries": provider.retries,
                "stream_max_retries": provider.retries,
                "stream_idle_timeout_ms": 300_000,
                **({"env_key": KEY_VARIABLE} if provider.has_key else {}),
            }
        },
    }


def _roots(worktree: Path) -> list[Path]:
    """Wherever Codex may look for who trusts this worktree. Not told otherwise it trusts it itself, and then starts what
    the worktree's own `.codex/config.toml` names outside of any sandbox."""
    shared = [found for folder in git_folders(worktree) for found in (folder, folder.parent)]
    return sorted({found for folder in (worktree, *shared) for found in (folder.absolute(), folder.resolve())})


def _skills(worktree: Path) -> list[Path]:
    """Those of the worktree: a mere `$name` in the prompt would put such a file into it, as an instruction."""
    found: set[Path] = set()
    for place in (".agents", ".codex"):
        for folder, below, names in os.walk(worktree / place, followlinks=True):
            if len(Path(folder).relative_to(worktree).parts) >= _DEEPEST_SKILL:
                below.clear()
            if "SKILL.md" in names:
                file = (Path(folder) / "SKILL.md").absolute()
                found |= {file, file.resolve()}
    return sorted(found)


def as_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Strings, numbers, truth values, lists and tables; JSON's strings are TOML's too."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"[{prefix}]"] if prefix and plain else []
    lines += [f"{json.dumps(key)} = {_value(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + "\n"
    for key, inner in values.items():
        if isinstance(inner, dict):
            name = f"{prefix}.{json.dumps(key)}" if prefix else json.dumps(key)
            text += as_toml(cast("dict[str, Any]", inner), name)
    return text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in cast('list[Any]', value))}]"
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return f"{{{', '.join(f'{json.dumps(key)} = {_value(one)}' for key, one in pairs)}}}"
    return json.dumps(value)


def keep_session(places: Places, session: str, clean: Callable[[bytes], bytes]) -> bytes | None:
    """The rollout, clean of secrets and compressed; None where there is none or it is too large to be taken up again."""
    found = newest_rollout(places, session)
    if found is None or found.stat().st_size > _LARGEST_SESSION:
        return None
    return gzip.compress(clean(found.read_bytes()), mtime=0)


def restore_session(places: Places, session: str, kept: bytes) -> Path | None:
    """The rollout as Codex finds it; None where it is no session of ours."""
    if not _SESSION_ID.fullmatch(session):
        return None
    try:
        content = zlib.decompressobj(wbits=31).decompress(kept, _LARGEST_SESSION + 1)
    except zlib.error:
        return None
    if len(content) > _LARGEST_SESSION:
        return None
    rollout = places.codex / "sessions" / "2025" / "01" / "01" / f"rollout-2025-01-01T00-00-00-{session}.jsonl"
    rollout.parent.mkdir(parents=True)
    rollout.write_bytes(content)
    return rollout


def newest_rollout(places: Places, session: str) -> Path | None:
    if not _SESSION_ID.fullmatch(session):
        return None
    return max((places.codex / "sessions").rglob(f"rollout-*-{session}.jsonl"), default=None)


def git_folders(worktree: Path) -> tuple[Path, ...]:
    """What git reads beside a linked worktree: the repository that knows it; what its `.git` file says is anybody's."""
    return GitFolders.of(worktree).readable[:1]
