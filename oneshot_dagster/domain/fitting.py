"""Texts of others fitted into a template of ours: fenced, labelled, each part cut to its share of a budget, and the cut said.
A section (`## …`) whose parts are all empty is left out. Which parts a prompt has is the prompt's own module."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from oneshot_dagster.domain.quoting import cleaned, cut, cut_head, fenced

_OVERHEAD = 50  # characters that the fences of one entry take at most, beside its label
_NOTE = 60  # what a part may say about entries left out
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)
_PLACE = re.compile(r"\$([a-z_]+)")

_Entries = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """`entries` are label and text. `share` of the budget is its own first; what parts leave over goes down their list.

    `from_end`: where a text is too long its end is kept, for logs.
    """

    share: float
    entries: _Entries
    from_end: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """`cut` names, part by part, the labels of what is not there whole."""

    text: str
    cut: Mapping[str, tuple[str, ...]]


def fit(template: str, *, known: Mapping[str, str], parts: Mapping[str, Part], budget: int) -> Fitted:
    """`known` are words of ours, put in as they are. A `$word` that is neither known nor a part stays as it is.

    The budget, in characters, is kept wherever it holds the template itself; a smaller one gives parts without a word of others.
    """
    texts = {name: _clean(part.entries) for name, part in parts.items()}
    used = [name for name in parts if texts[name]]
    room = max(0, budget - len(template) - sum(map(len, known.values())) - _NOTE * len(used))
    limits = _limits({name: _length(texts[name]) for name in used}, room, parts)
    shown = {name: _part(texts[name], limits.get(name, 0), from_end=part.from_end) for name, part in parts.items()}
    words = {name: text for name, (text, _) in shown.items()}
    sections = [
        Template(section).safe_substitute({**known, **words})
        for section in sections_of(template)
        if _is_wanted(section, words)
    ]
    return Fitted(text="".join(sections).rstrip() + "\n", cut={name: left for name, (_, left) in shown.items() if left})


def sections_of(template: str) -> list[str]:
    """What stands before the first heading, then each section with its heading."""
    return _SECTION.split(template)


def places_of(text: str) -> set[str]:
    """The words that are filled in."""
    return set(_PLACE.findall(text))


def _is_wanted(section: str, words: Mapping[str, str]) -> bool:
    places = places_of(section) & words.keys()
    return not places or any(words[name] for name in places)


def _clean(entries: _Entries) -> _Entries:
    found = ((_label(label), cleaned(text).strip("\n")) for label, text in entries)
    return tuple((label, text) for label, text in found if text.strip())


def _label(text: str) -> str:
    """On one line and without backticks: it stands beside the fence."""
    return re.sub(r"[`\s]+", " ", cleaned(text)).strip()[:200]


def _length(entries: _Entries) -> int:
    return sum(len(text) + len(label) + _OVERHEAD for label, text in entries)


def _limits(lengths: Mapping[str, int], room: int, parts: Mapping[str, Part]) -> dict[str, int]:
    """Each part its share or its length; what is left over then goes down the list."""
    limits = {name: min(length, int(room * parts[name].share)) for name, length in lengths.items()}
    left = room - sum(limits.values())
    for name, length in lengths.items():
        more = min(left, length - limits[name])
        limits[name] += more
        left -= more
    return limits


def _part(entries: _Entries, limit: int, *, from_end: bool) -> tuple[str, tuple[str, ...]]:
    """Entries share the limit fairly; those that then have no room are only counted. With the labels of what is not whole."""
    shorten = cut_head if from_end else cut
    room = limit - sum(len(label) + _OVERHEAD for label, _ in entries)
    kept = [
        (label, text, shorten(text, most))
        for (label, text), most in zip(entries, _fair([len(text) for _, text in entries], room), strict=True)
    ]
    shown = [fenced(short, label) for label, _, short in kept if short]
    if len(shown) < len(entries):
        shown.append(f"[left out for want of room: {len(entries) - len(shown)}]")
    return "\n\n".join(shown), tuple(label for label, text, short in kept if short != text)


def _fair(lengths: Sequence[int], room: int) -> list[int]:
    """Shares of the room: the short ones whole, the long ones alike."""
    shares = [0] * len(lengths)
    left = max(0, room)
    for place, index in enumerate(sorted(range(len(lengths)), key=lambda index: lengths[index])):
        shares[index] = min(lengths[index], left // (len(lengths) - place))
        left -= shares[index]
    return shares
