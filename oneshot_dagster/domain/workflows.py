"""A workflow file of GitHub Actions read for one question: would it run for a pull request of ours, and what does it report?
https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax. What a job does is not looked at."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

FOLDER = ".github/workflows"
_OPENED = ("opened", "synchronize", "reopened")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


class Runs(StrEnum):
    """`sometimes`: only where certain paths change; else GitHub keeps its required checks waiting for ever."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobName:
    """What a job reports under: `parts` with anything between them, as expressions and matrices put there."""

    parts: tuple[str, ...]

    def fits(self, context: str) -> bool:
        if len(self.parts) == 1:
            return context == self.parts[0]
        first, *between, last = self.parts
        if not context.startswith(first):
            return False
        place = len(first)
        for part in between:
            place = context.find(part, place) + len(part)
            if place < len(part):
                return False
        return len(context) - place >= len(last) and context.endswith(last)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """`events` says in words when it runs. `problem` not empty: it could not be read, and may report anything."""

    file: str
    runs: Runs
    events: str = ""
    jobs: tuple[JobName, ...] = ()
    problem: str = ""

    def reports(self, context: str) -> bool:
        return any(job.fits(context) for job in self.jobs)


_Node = Mapping[str, object]


def read_workflow(file: str, text: str, *, base: str, head: str) -> Workflow:
    """As it would run for a pull request from `head` into `base`. Never raises."""
    import yaml

    try:
        root = _keyed(yaml.safe_load(text))
        events = _events(root.get("on"))
        jobs = _mapping(root.get("jobs"))
        runs = _runs(events, base=base, head=head)
        names = tuple(_job_name(job_id, _mapping(job)) for job_id, job in jobs.items())
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        return Workflow(file=file, runs=Runs.NEVER, problem=str(error).split("\n", 1)[0][:200] or "it makes no sense")
    return Workflow(file=file, runs=runs, events=_words(events), jobs=names)


def _keyed(node: object) -> _Node:
    """YAML 1.1 reads the key `on` as true."""
    pairs = cast("Mapping[object, object]", _mapping(node))
    return {"on" if key is True else str(key): value for key, value in pairs.items()}


def _is_mapping(node: object) -> bool:
    return isinstance(node, dict)


def _mapping(node: object) -> _Node:
    if not _is_mapping(node):
        raise TypeError("a mapping is missing where the syntax wants one")
    return cast("_Node", node)


def _strings(node: object) -> tuple[str, ...]:
    if node is None:
        return ()
    if isinstance(node, list):
        return tuple(str(item) for item in cast("list[object]", node))
    return (str(node),)


def _events(on: object) -> dict[str, _Node]:
    if isinstance(on, dict):
        named = cast("dict[object, object]", on).items()
        return {str(name): _mapping(filters) if _is_mapping(filters) else {} for name, filters in named}
    return {name: {} for name in _strings(on)}


def _runs(events: Mapping[str, _Node], *, base: str, head: str) -> Runs:
    """A push of the branch and its pull request both report at the head; nothing else does."""
    found = {Runs.NEVER}
    for event in ("pull_request", "pull_request_target"):
        if event in events:
            opened = "opened" in (_strings(events[event].get("types")) or _OPENED)
            found.add(_filtered(events[event], base) if opened else Runs.NEVER)
    if "push" in events:
        found.add(_pushed(events["push"], head))
    return next(one for one in Runs if one in found)


def _pushed(filters: _Node, head: str) -> Runs:
    tags_alone = filters.keys() & {"tags", "tags-ignore"} and not filters.keys() & {"branches", "branches-ignore"}
    return Runs.NEVER if tags_alone else _filtered(filters, head)


def _filtered(filters: _Node, branch: str) -> Runs:
    wanted, unwanted = _strings(filters.get("branches")), _strings(filters.get("branches-ignore"))
    if ("branches" in filters and not _selected(wanted, branch)) or any(matches(p, branch) for p in unwanted):
        return Runs.NEVER
    return Runs.SOMETIMES if filters.keys() & {"paths", "paths-ignore"} else Runs.ALWAYS


def _selected(patterns: Sequence[str], branch: str) -> bool:
    """The last pattern that fits decides; `!` takes out."""
    selected = False
    for pattern in patterns:
        if matches(pattern.removeprefix("!"), branch):
            selected = not pattern.startswith("!")
    return selected


def matches(pattern: str, branch: str) -> bool:
    """GitHub's filter patterns: `*` stops at a slash, `**` does not; `?` and `+` repeat the character before them.

    Walked over sets of places, so that no pattern takes long.
    """
    places = {0}
    for fits, repeats in _tokens(pattern):
        after = set(places) if repeats in {"*", "?"} else set[int]()
        reached = {p + 1 for p in places if p < len(branch) and fits(branch[p])}
        while reached - after:
            after |= reached
            if repeats not in {"*", "+"}:
                break
            reached = {p + 1 for p in reached if p < len(branch) and fits(branch[p])}
        places = after
    return len(branch) in places


_Token = tuple[Callable[[str], bool], str]
_PIECES = re.compile(r"\*\*|\*|\[[^\]]+\]|\\.|.", re.DOTALL)


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    for piece in _PIECES.findall(pattern):
        if piece in {"?", "+"} and tokens:
            tokens[-1] = (tokens[-1][0], piece if not tokens[-1][1] else "*")
        elif piece == "**":
            tokens.append((lambda _: True, "*"))
        elif piece == "*":
            tokens.append((lambda c: c != "/", "*"))
        else:
            tokens.append((_of_class(piece[1:-1]) if len(piece) > 2 else _of_letter(piece[-1]), ""))
    return tokens


def _of_letter(letter: str) -> Callable[[str], bool]:
    return lambda c: c == letter


def _of_class(inside: str) -> Callable[[str], bool]:
    """`[abc]` and `[a-z0-9]`."""
    ranges = re.findall(r"(.)-(.)|(.)", inside)
    return lambda c: any(low <= c <= high if low else c == one for low, high, one in ranges)


def _job_name(job_id: str, job: _Node) -> JobName:
    """GitHub puts a matrix's values in brackets behind a plain name, and a called workflow's job behind a slash."""
    parts = tuple(_EXPRESSION.split(str(job.get("name") or job_id)))
    strategy = job.get("strategy")
    if len(parts) == 1 and isinstance(strategy, dict) and "matrix" in strategy:
        parts = (f"{parts[0]} (", ")")
    if "uses" in job:
        parts = (*parts[:-1], f"{parts[-1]} / ", "")
    return JobName(parts=parts)


def _words(events: Mapping[str, _Node]) -> str:
    return ", ".join(_event_words(name, filters) for name, filters in events.items()) or "nothing"


def _event_words(name: str, filters: _Node) -> str:
    said = [
        f"{key} {' '.join(_strings(filters[key]))}"
        for key in ("types", "branches", "branches-ignore", "tags", "paths", "paths-ignore")
        if key in filters
    ]
    return f"{name} ({'; '.join(said)})" if said else name
