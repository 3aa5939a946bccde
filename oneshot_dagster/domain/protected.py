"""Protected paths: which files of a snapshot only a person may approve.
Who approved which SHA is the caller's fact; what follows is evaluation_rules.py."""

import re
from functools import lru_cache

from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot

# Whoever changes these changes the gate itself. CODEOWNERS: the places where GitHub looks for it.
ALWAYS = (".github/**", "/.oneshot.toml", "/CODEOWNERS", "docs/CODEOWNERS")


def protected_files(snapshot: Snapshot, globs: tuple[str, ...]) -> tuple[str, ...]:
    """Paths (for people, in the snapshot's order) that `ALWAYS` or one of the globs protects, each once."""
    patterns = [_pattern(glob) for glob in (*ALWAYS, *globs)]
    found = (
        shown
        for file in snapshot.files
        for raw, shown in _touched(file)
        if any(pattern.fullmatch(raw.decode(errors="surrogateescape")) for pattern in patterns)
    )
    return tuple(dict.fromkeys(found))


def _touched(file: FileChange) -> list[tuple[bytes, str]]:
    """The path, and for a rename also the path that is gone by it."""
    touched = [(file.path_bytes, file.path)]
    if file.status is FileStatus.RENAMED and file.old_path_bytes is not None:
        touched.append((file.old_path_bytes, file.old_path_bytes.decode(errors="backslashreplace")))
    return touched


_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]|.", re.DOTALL)


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    """Like .gitignore, and on the safe side: a glob without a slash holds in every folder, one that names a folder
    holds for the folder itself and all in it, and letter case does not matter."""
    body = glob.removeprefix("./").removesuffix("/").removesuffix("/**")
    anywhere = "/" not in body and not glob.startswith("/") and body == glob.removesuffix("/")
    words = "".join(_word(token) for token in _TOKEN.findall(body.removeprefix("/")))
    return re.compile(f"{'(?:.*/)?' if anywhere else ''}{words}(?:/.*)?", re.IGNORECASE | re.DOTALL)


def _word(token: str) -> str:
    if token in _WILD:
        return _WILD[token]
    if len(token) == 1:
        return re.escape(token)
    inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
    word = f"(?!/)[{'^' + inside[1:] if inside[0] in '!^' else inside}]"
    try:
        re.compile(word)
    except re.error:  # [z-a] and its like can only be meant literally
        return re.escape(token)
    return word
