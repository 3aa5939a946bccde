"""Text of others, made safe to stand inside a text of ours: cleaned of what people cannot see, fenced, cut.
Where it stands in a prompt is patch.py, in a pull request pull_request.py."""

import re

# Escape sequences of terminals; then control characters but tab and newline, marks of writing direction,
# zero-width characters and Unicode tags: what a person who approved the text did not see.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_TICKS = re.compile("`+")
_MOST_TICKS = 16


def cleaned(text: str) -> str:
    """Newlines alone as line ends, and nothing in it that a person would not see."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", lines)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the beginning kept; says how much is left out."""
    if len(text) <= limit:
        return text
    note = f"\n[cut: {len(text)} characters, the rest is left out]"
    return text[: max(0, limit - len(note))] + note if limit >= len(note) else ""


def cut_head(text: str, limit: int) -> str:
    """Like `cut`, but the end is kept: where a log says what went wrong."""
    if len(text) <= limit:
        return text
    note = f"[cut: {len(text)} characters, only the end is here]\n"
    kept = limit - len(note)
    return (note + text[-kept:] if kept else note) if kept >= 0 else ""


def fenced(text: str, label: str) -> str:
    """Between fences that are longer than any run of backticks inside, so that nothing inside can end them.

    Absurdly long runs are shortened first: otherwise the fences could be longer than the text.
    """
    inside = re.sub(f"`{{{_MOST_TICKS},}}", "`" * _MOST_TICKS, text)
    longest = max((len(run) for run in _TICKS.findall(inside)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{label}\n{inside}\n{fence}"


def neutral(text: str) -> str:
    """For GitHub: notifies nobody, closes and refers to no issue, and holds no hidden comment such as our markers."""
    broken = cleaned(text)
    for letters in (_MENTION, _CLOSING, _REFERENCE, _HIDDEN):
        broken = letters.sub(f"\\1{_BREAK}", broken)
    return broken


_BREAK = "\u200b"  # of no width: a person reads the text as it was
_MENTION = re.compile(r"(@)(?=[A-Za-z0-9])")
_CLOSING = re.compile(
    r"\b([cfr])(?=(?:lose[sd]?|ix(?:e[sd])?|esolve[sd]?)\b[\s:]*(?:[\w./-]*#|gh-|https?:))", re.IGNORECASE
)
_REFERENCE = re.compile(r"(#|\bGH-)(?=[0-9])", re.IGNORECASE)
_HIDDEN = re.compile(r"(<!)(?=--)")


def one_line(text: str, limit: int) -> str:
    """Neutral, on one line, cut with an ellipsis."""
    line = " ".join(neutral(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def cell(text: str, limit: int = 200) -> str:
    """For a cell of a Markdown table, without any markup of its own."""
    return re.sub(r"([\\|`*_\[\]<>~])", r"\\\1", one_line(text, limit))
