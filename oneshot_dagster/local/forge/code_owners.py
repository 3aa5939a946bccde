"""Who owns which file by CODEOWNERS: the last pattern that fits decides. Pure."""

import re
from collections.abc import Sequence

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def owners(text: str, paths: Sequence[str]) -> list[frozenset[str]]:
    """The owners' logins of each path that has some; teams are told as they stand."""
    lines = [line.split("#", 1)[0].split() for line in text.splitlines()]
    rules = [(_pattern(words[0]), frozenset(w.removeprefix("@") for w in words[1:])) for words in lines if words]
    found = [next((who for pattern, who in reversed(rules) if pattern.fullmatch(p)), frozenset[str]()) for p in paths]
    return [who for who in dict.fromkeys(found) if who]


def _pattern(glob: str) -> re.Pattern[str]:
    """Like .gitignore: without a slash before its end it holds in every folder; a folder's name holds for all in it."""
    body = glob.strip("/")
    anywhere = "/" not in glob.rstrip("/")
    words = "".join(_WILD.get(m.group(), re.escape(m.group())) for m in _TOKEN.finditer(body))
    below = "/.*" if glob.endswith("/") else "" if glob.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{'(?:.*/)?' if anywhere else ''}{words}{below}")
