"""The states of one change as numbers, what the changes share and what each makes out of the other too: each value is kept once,
and each step is worked out once for all states of the other of which the same is made. Whichever change it is, it is the first."""

from typing import Any, NamedTuple

from model_check import steps_of
from model_claims import has_ended, seen_rightly
from model_parts import Part, Shared, firsts, normal, part_of, shared_of, swapped_part, swapped_shared, world
from model_state import Model, Violation, latest
from model_view import view


class Step(NamedTuple):
    said: str
    part: int
    shared: int


class Steps(NamedTuple):
    """`broken`: the claim that does not hold here, or after one of them."""

    steps: tuple[Step, ...]
    broken: str | None


class _Numbers:
    def __init__(self) -> None:
        self.values: list[Any] = []
        self._of: dict[Any, int] = {}

    def number(self, value: object) -> int:
        n = self._of.setdefault(value, len(self.values))
        if n == len(self.values):
            self.values.append(value)
        return n


class Numbered:
    def __init__(self, m: Model) -> None:
        self._m = m
        self._parts, self._shared, self._views = _Numbers(), _Numbers(), _Numbers()
        self._steps: dict[tuple[int, int, int], Steps] = {}
        self._seen: dict[tuple[int, int], int] = {}
        self._ended: dict[int, bool] = {}
        self._swapped: dict[int, int] = {}

    def first(self) -> tuple[int, int]:
        """The part of either change, and what they share."""
        (part, _), shared = firsts(self._m.bound)
        return self._part(part, shared), self._shared.number(shared)

    def values(self, part: int, shared: int) -> tuple[Part, Shared]:
        return self._parts.values[part], self._shared.values[shared]

    def swapped(self, shared: int) -> int:
        """As the other change has it."""
        if shared not in self._swapped:
            there = self._shared.number(swapped_shared(self._shared.values[shared]))
            self._swapped[shared], self._swapped[there] = there, shared
        return self._swapped[shared]

    def steps(self, part: int, shared: int, other: int) -> Steps:
        """Of that part, what is shared being as its change has it; `other` is the other change's, or one of which the same is made."""
        key = (part, shared, self.view(other, self.swapped(shared)))
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = self.worked_out(part, shared, other)
        return found

    def worked_out(self, part: int, shared: int, other: int) -> Steps:
        p, o = self._parts.values[part], swapped_part(self._parts.values[other])
        w = world(p, self._shared.values[shared], (p.change, o.change))
        found: list[Step] = []
        try:
            seen_rightly(w)
            for said, after in steps_of(self._m, w, 0):
                assert after.changes[1] == o.change
                then = shared_of(after)
                found.append(Step(said, self._part(part_of(after, 0), then), self._shared.number(then)))
        except Violation as broken:
            return Steps(tuple(found), str(broken))
        return Steps(tuple(found), None)

    def view(self, part: int, shared: int) -> int:
        """What the other can make out of that part."""
        key = (part, shared)
        if key not in self._seen:
            self._seen[key] = self._views.number(view(self._m, self._parts.values[part], self._shared.values[shared]))
        return self._seen[key]

    def has_ended(self, part: int) -> bool:
        if part not in self._ended:
            p = self._parts.values[part]
            nobody = not p.engines and p.slow is None
            self._ended[part] = nobody and has_ended(p.change.rows[latest(p.change)])
        return self._ended[part]

    def _part(self, part: Part, shared: Shared) -> int:
        return self._parts.number(normal(self._m, part, shared.lane))
