"""The search at the bounds of two changes: states as numbers of their parts, each step of a part worked out once.

Three things make it small, and none of them hides a claim that does not hold:
- The parts' normal form (model_parts) leaves out what no step asks for, and the changes may change places: what can happen
  next is the same, which test_model_reduced asks at each state of smaller bounds.
- A change goes on alone where all it can do next commutes with all that the other can do until then (model_alone, asked
  likewise). Each way of the whole search is, but for the order of steps that commute, the beginning of one that is taken, so that
  each step is taken from the same rows and from as much of what is shared as it asks for. A claim is about one step or one change.
- Nobody is put off for ever: who goes on alone reaches a state that is new (the proviso of breadth first).
Where the whole search could get stuck, this one does: from each state there a way leads to one that is met here, and from that no
more can be reached here than there. With exactly two engines it is the plain search that sees that an end can be reached."""

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from model_check import Found, without_end
from model_search import Search, State, Steps
from model_state import Model


@dataclass(kw_only=True, slots=True)
class _Graph:
    ids: dict[State, int] = field(default_factory=dict)
    parents: array = field(default_factory=lambda: array("q"))
    froms: array = field(default_factory=lambda: array("I"))
    tos: array = field(default_factory=lambda: array("I"))
    good: list[int] = field(default_factory=list)
    frontier: deque[State] = field(default_factory=deque)

    def meet(self, state: State, parent: int, *, is_end: bool) -> int:
        n = self.ids[state] = len(self.ids)
        self.parents.append(parent)
        self.frontier.append(state)
        if is_end:
            self.good.append(n)
        return n


def check_reduced(m: Model, *, most: int | None = None, reduced: bool = True) -> Found:
    search, graph, found = Search(m), _Graph(), Found()
    for state in search.firsts():
        graph.meet(state, -1, is_end=False)
    while graph.frontier and found.whole:
        state = graph.frontier.popleft()
        found.violation = _expand(search, graph, state, reduced=reduced)
        if found.violation is not None:
            found.way, found.whole = _way(search, graph, graph.ids[state]), False
        elif most is not None and len(graph.ids) > most:
            found.whole = False
    found.states, found.steps, found.ends = len(graph.ids), len(graph.tos), len(graph.good)
    if found.whole:
        stuck = without_end(len(graph.ids), graph.froms, graph.tos, graph.good)
        if stuck is not None:
            found.violation, found.way = "no end can be reached from here", _way(search, graph, stuck)
    return found


def _expand(search: Search, graph: _Graph, state: State, *, reduced: bool) -> str | None:
    here, taken = graph.ids[state], list[State]()
    for steps, after, alone in search.expansions(state):
        if steps.broken is not None:
            return steps.broken
        if reduced and alone and any(there not in graph.ids for there in after):
            taken = after
            break
        taken += after
    for there in taken:
        n = graph.ids.get(there)
        if n is None:
            n = graph.meet(there, here, is_end=search.is_end(there))
        graph.froms.append(here)
        graph.tos.append(n)
    return None


def _way(search: Search, graph: _Graph, last: int) -> list[str]:
    """What led there; the changes may have changed places in between."""
    states, path = list(graph.ids), [last]
    while graph.parents[path[-1]] >= 0:
        path.append(graph.parents[path[-1]])
    path.reverse()
    return [next(_said(search.expansions(states[here]), states[there])) for here, there in pairwise(path)]


def _said(expansions: Iterator[tuple[Steps, list[State], bool]], wanted: State) -> Iterator[str]:
    for steps, after, _ in expansions:
        for step, there in zip(steps.steps, after, strict=True):
            if there == wanted:
                yield step.said
