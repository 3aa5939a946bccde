"""Who owns which path by CODEOWNERS: the last line that fits decides.
Only logins are compared: a team's members are not told to us."""

import re
from collections.abc import Sequence
from functools import lru_cache

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first that is there
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\\.|.", re.DOTALL)
_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def not_owned(text: str, paths: Sequence[str], login: str) -> dict[str, tuple[str, ...]]:
    """The paths that have owners, none of which is this login, each with its owners as they are written."""
    rules = [(_pattern(words[0]), tuple(words[1:])) for line in text.splitlines() if (words := _words(line))]
    owners = {path: next((who for rule, who in reversed(rules) if rule.fullmatch(path)), ()) for path in paths}
    return {path: who for path, who in owners.items() if who and f"@{login}".lower() not in map(str.lower, who)}


def _words(line: str) -> list[str]:
    """Without comments; a space within a pattern is written with a backslash."""
    found = re.findall(r"(?:\\.|[^\s\\])+", re.sub(r"(?:^|\s)#.*", "", line))
    return [word.replace("\\ ", " ") for word in found]


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    """Like .gitignore: without a slash before its end it holds in every folder; a folder's name holds for all in it,
    but `folder/*` only for what lies right there."""
    body = glob.strip("/")
    anywhere = "/" not in glob.rstrip("/")
    words = "".join(_WILD.get(token) or re.escape(token.removeprefix("\\")) for token in _TOKEN.findall(body))
    below = "/.*" if glob.endswith("/") else "" if glob.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{'(?:.*/)?' if anywhere else ''}{words}{below}", re.DOTALL)
