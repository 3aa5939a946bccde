"""What was not written, for the person who decides whether it may be: every withheld write action with all of its words.
That nothing is written in mode observe is held by steps/write_action."""

import re
from collections.abc import Sequence

from oneshot_dagster.domain.attempt import WriteAction
from oneshot_dagster.domain.quoting import cut, fenced, neutral, one_line

WITHHELD = "withheld"  # the outcome of such an action
_MOST = 20
_LONGEST = 2_000
_NAMED = ("branch", "base", "head", "sha", "number", "purpose", "method", "environment", "status", "conclusion")
_WORDS = ("title", "body", "summary")
_HIDDEN = re.compile(r"<!--.*?-->\n?", re.DOTALL)  # our own markers, which a person would not see either
_NEXT_MODE = (
    "In mode propose it pushes the branch, opens the pull request, waits for CI and review of that commit, judges it again with "
    "what they say, and leaves the merge to a person. In mode merge it merges, deploys and verifies it too."
)


def would_have_written(writes: Sequence[WriteAction]) -> str:
    shown = "\n\n".join(map(_write, writes[:_MOST]))
    more = f"\n\nAnd {len(writes) - _MOST} more." if len(writes) > _MOST else ""
    return f"Nothing was pushed and nothing was written to GitHub. It would have been:\n\n{shown}{more}\n\n{_NEXT_MODE}"


def _write(write: WriteAction) -> str:
    quoted = _quoted([str(write.payload[name]) for name in _WORDS if write.payload.get(name)])
    return f"- {in_short(write)}" + (f"\n\n{quoted}" if quoted else "")


def in_short(write: WriteAction) -> str:
    """The action and what it is about, on one line."""
    fields = ((name, one_line(str(write.payload[name]), 120)) for name in _NAMED if write.payload.get(name))
    named = ", ".join(f"{name} `{value.replace('`', '')}`" for name, value in fields)
    return f"{write.action.replace('_', ' ')}{f': {named}' if named else ''}"


def _quoted(words: Sequence[str]) -> str:
    text = _HIDDEN.sub("", "\n\n".join(words)).strip()
    return fenced(cut(neutral(text), _LONGEST), "text") if text else ""
