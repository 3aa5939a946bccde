"""The search at the bounds of two changes, thread by thread (Flanagan and Qadeer, Thread-Modular Model Checking, 2003): not the pairs
of their states, but the states of each change in the surroundings in which it is met. Surroundings are what the changes share and
what each makes out of the other (model_view).

A step of a change leads from surroundings to surroundings, and takes along every state of the other that is met there. So every
pair that the whole search meets is met here in the same surroundings, and perhaps some that cannot come about; a claim is about
one step or one change, so that what holds here holds there. The changes are alike, so that one of them is kept, and met by its
like. Each has the whole of the bound's budgets, and as many engines as there is work for: more than the bound asks.

An end can be reached from everywhere where of each pair that is met together one change comes to its end by its own steps, whatever
the other's state, or comes to surroundings in which the other does so likewise; and who is left then comes to its end alone."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from model_check import Found
from model_state import Model
from model_steps import Numbered, Step, Steps


@dataclass(eq=False, slots=True)
class Place:
    """Surroundings as one of the changes has them, the states of that change that are met in them, and what it can do to them.
    `twin`: the same as the other has them."""

    shared: int
    view: int
    met: dict[int, None] = field(default_factory=dict)
    moves: dict[tuple[int, int], "Move"] = field(default_factory=dict)
    twin: "Place" = field(init=False)


class Entry(NamedTuple):
    """A state of a change where it is met."""

    place: Place
    part: int


@dataclass(slots=True)
class Move:
    """Steps of one change that do the same to the surroundings: the states after them with a step each, and where they lead."""

    shared: int
    view: int
    after: dict[int, tuple[Entry, str]] = field(default_factory=dict)
    to: dict[Place, None] = field(default_factory=dict)


class Modular:
    def __init__(self, m: Model) -> None:
        self.numbered = Numbered(m)
        self.came: dict[Entry, tuple[Entry, str] | None] = {}
        self.steps = 0
        self._places: dict[tuple[int, int, int], Place] = {}
        self._todo = deque[Entry]()
        part, shared = self.numbered.first()
        view = self.numbered.view(part, shared)
        place = self._place(shared, view, view)
        self._meet(place, part, None)
        self._meet(place.twin, part, None)

    @property
    def places(self) -> Iterable[Place]:
        return self._places.values()

    @property
    def is_whole(self) -> bool:
        return not self._todo

    def broken(self, most: int | None = None) -> tuple[str, Entry] | None:
        """The first claim that does not hold in what can be met, or in the first so many of it, and where."""
        while self._todo and not (most is not None and len(self.came) > most):
            entry = self._todo.popleft()
            steps = self.steps_of(entry)
            if steps.broken is not None:
                return steps.broken, entry
            self.steps += len(steps.steps)
            for step in steps.steps:
                self._take(entry, step)
            for move in list(entry.place.twin.moves.values()):
                self._take_along(entry, move)
        return None

    def steps_of(self, entry: Entry) -> Steps:
        other = next(iter(entry.place.twin.met))
        return self.numbered.steps(entry.part, entry.place.shared, other)

    def leads_to(self, entry: Entry, step: Step) -> list[Entry]:
        """Which of them it is depends on the other's state."""
        move = self._move(entry.place, step)
        return [Entry(place, step.part) for place in ([entry.place] if move is None else move.to)]

    def way(self, entry: Entry) -> list[str]:
        way, came = list[str](), self.came[entry]
        while came is not None:
            way.append(came[1])
            came = self.came[came[0]]
        return way[::-1]

    def _move(self, place: Place, step: Step) -> Move | None:
        """None: the step leaves the surroundings as they are."""
        view = self.numbered.view(step.part, step.shared)
        if (step.shared, view) == (place.shared, place.view):
            return None
        return place.moves.setdefault((step.shared, view), Move(step.shared, view))

    def _take(self, entry: Entry, step: Step) -> None:
        place, move, came = entry.place, self._move(entry.place, step), (entry, step.said)
        if move is None:
            self._meet(place, step.part, came)
        elif step.part not in move.after:
            is_new = not move.after
            move.after[step.part] = came
            for to in list(move.to):
                self._meet(to, step.part, came)
            for other in list(place.twin.met) if is_new else ():
                self._take_along(Entry(place.twin, other), move)

    def _take_along(self, entry: Entry, move: Move) -> None:
        """To where the other's move leads from where this state is met."""
        shared = self.numbered.swapped(move.shared)
        to = self._place(shared, self.numbered.view(entry.part, shared), move.view)
        self._meet(to, entry.part, (entry, "the other change goes on"))
        if to.twin not in move.to:
            move.to[to.twin] = None
            for part, came in move.after.items():
                self._meet(to.twin, part, came)

    def _place(self, shared: int, mine: int, theirs: int) -> Place:
        found = self._places.get((shared, mine, theirs))
        if found is None:
            swapped = self.numbered.swapped(shared)
            found = self._places[shared, mine, theirs] = Place(shared, mine)
            found.twin = self._places.setdefault((swapped, theirs, mine), Place(swapped, theirs))
            found.twin.twin = found
        return found

    def _meet(self, place: Place, part: int, came: tuple[Entry, str] | None) -> None:
        if part not in place.met:
            place.met[part] = None
            entry = Entry(place, part)
            self.came[entry] = came
            self._todo.append(entry)


def check_modular(m: Model, *, most: int | None = None) -> Found:
    """`states` are those of one change in surroundings; of pairs met together there are `pairs` at most."""
    search = Modular(m)
    broken = search.broken(most)
    found = Found(states=len(search.came), steps=search.steps, whole=search.is_whole)
    found.ends = sum(search.numbered.has_ended(entry.part) for entry in search.came)
    found.pairs = sum(len(place.met) * len(place.twin.met) for place in search.places)
    if broken is None and found.whole and (stuck := without_end(search)) is not None:
        broken = "no end can be reached from here", stuck
    if broken is not None:
        found.violation, found.way, found.whole = broken[0], search.way(broken[1]), False
    return found


def without_end(search: Modular) -> Entry | None:
    """A state that is met by one of the other's, and neither comes to an end."""
    alone, helped = _come_to_an_end(search, helped=False), _come_to_an_end(search, helped=True)
    for place in search.places:
        theirs = [Entry(place.twin, part) for part in place.twin.met]
        is_left = any(search.numbered.has_ended(entry.part) for entry in theirs)
        is_stuck = any(entry not in helped for entry in theirs)
        for part in place.met:
            entry = Entry(place, part)
            if (is_left and entry not in alone) or (is_stuck and entry not in helped):
                return entry
    return None


def _come_to_an_end(search: Modular, *, helped: bool) -> set[Entry]:
    """The states of a change from which its own steps lead to its end, whatever the other's state; or, `helped`, to surroundings
    in which each state of the other is one of these. The least such set."""
    found, rest = set[Entry](), list(reversed(search.came))
    left = {place: len(place.met) for place in search.places}
    before = -1
    while len(found) > before:
        before, todo, rest = len(found), rest, []
        for entry in todo:
            is_helped = helped and not left[entry.place.twin]
            if is_helped or search.numbered.has_ended(entry.part) or _leads(search, entry, found):
                found.add(entry)
                left[entry.place] -= 1
            else:
                rest.append(entry)
    return found


def _leads(search: Modular, entry: Entry, found: set[Entry]) -> bool:
    return any(all(e in found for e in search.leads_to(entry, step)) for step in search.steps_of(entry).steps)
