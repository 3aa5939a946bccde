"""States of two changes as numbers: both parts and what they share, each value kept once. Each step of a part is worked out once
for all states in which the part, what is shared, and what it can make out of the other part are the same."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from model_alone import holds, looks, meddles, minds_itself, view
from model_check import steps_of
from model_claims import has_ended, seen_rightly
from model_parts import firsts, normal, part_of, shared_of, swapped_part, swapped_shared, world
from model_state import Model, Violation, latest

State = tuple[int, int, int]


class Step(NamedTuple):
    said: str
    part: int
    shared: int


class Steps(NamedTuple):
    """`broken`: the claim that does not hold here, or after one of them."""

    steps: tuple[Step, ...]
    broken: str | None


class Numbers:
    """Values, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._of: dict[Any, int] = {}

    def number(self, value: object) -> int:
        n = self._of.setdefault(value, len(self.values))
        if n == len(self.values):
            self.values.append(value)
        return n


class Search:
    def __init__(self, m: Model) -> None:
        self._m = m
        self.parts, self.shared, self._views = Numbers(), Numbers(), Numbers()
        self._steps: dict[tuple[int, int, int], Steps] = {}
        self._seen: dict[tuple[int, int], tuple[int, int]] = {}
        self._alone: dict[tuple[int, int, int, tuple[bool, bool]], bool] = {}
        self._other: dict[int, tuple[bool, bool]] = {}
        self._ended: dict[int, bool] = {}
        self._there: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def firsts(self) -> list[State]:
        found: dict[State, None] = {}
        for parts, shared in firsts(self._m.bound):
            a, b = (self.parts.number(normal(self._m, p, shared.lane)) for p in parts)
            found[self._same(a, b, self.shared.number(shared))] = None
        return list(found)

    def expansions(self, state: State) -> Iterator[tuple[Steps, list[State], bool]]:
        """Of each change its steps, the states after them, and whether it may go on alone."""
        a, b, shared = state
        steps = self.steps(a, shared, b)
        yield steps, [self._same(s.part, b, s.shared) for s in steps.steps], self.alone(a, shared, b)
        steps = self.steps(b, shared, a)
        yield steps, [self._same(a, s.part, s.shared) for s in steps.steps], self.alone(b, shared, a)

    def is_end(self, state: State) -> bool:
        return self._has_ended(state[0]) and self._has_ended(state[1])

    def steps(self, part: int, shared: int, other: int) -> Steps:
        key = (part, shared, self._view(other, shared)[1])
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = self._worked_out(part, shared, other)
        return found

    def alone(self, part: int, shared: int, other: int) -> bool:
        does = self._other.get(other)
        if does is None:
            p = self.parts.values[other]
            does = self._other[other] = meddles(p), looks(self._m, p)
        key = (part, shared, self._view(other, shared)[1], does)
        found = self._alone.get(key)
        if found is None:
            found = self._alone[key] = self._goes_alone(part, shared, other, does)
        return found

    def _worked_out(self, part: int, shared: int, other: int) -> Steps:
        p, o = self.parts.values[part], self.parts.values[other]
        w = world(p, self.shared.values[shared], (p.change, o.change) if p.index == 0 else (o.change, p.change))
        found: list[Step] = []
        try:
            seen_rightly(w)
            for said, after in steps_of(self._m, w, p.index):
                assert after.changes[o.index] == o.change
                then = shared_of(after)
                n = self.parts.number(normal(self._m, part_of(after, p.index), then.lane))
                found.append(Step(said, n, self.shared.number(then)))
        except Violation as broken:
            return Steps(tuple(found), str(broken))
        return Steps(tuple(found), None)

    def _goes_alone(self, part: int, shared: int, other: int, does: tuple[bool, bool]) -> bool:
        p, s = self.parts.values[part], self.shared.values[shared]
        (other_meddles, other_looks), steps = does, self.steps(part, shared, other)
        held = not other_meddles and holds(self._m, p, s)
        if not steps.steps or steps.broken is not None or not minds_itself(p, s, held=held):
            return False
        before = self._view(part, shared)
        for step in steps.steps:
            after, lane = self._view(step.part, step.shared), self.shared.values[step.shared].lane
            if held and not other_looks:
                if after[0] != before[0] or lane != s.lane:
                    return False
            elif after != before or step.shared != shared:
                return False
        return True

    def _view(self, part: int, shared: int) -> tuple[int, int]:
        key = (part, shared)
        if key not in self._seen:
            seen = view(self._m, self.parts.values[part], self.shared.values[shared])
            self._seen[key] = self._views.number(seen.lane), self._views.number(seen)
        return self._seen[key]

    def _has_ended(self, n: int) -> bool:
        if n not in self._ended:
            p = self.parts.values[n]
            nobody = not p.engines and p.slow is None
            self._ended[n] = nobody and has_ended(p.change.rows[latest(p.change)])
        return self._ended[n]

    def _same(self, a: int, b: int, shared: int) -> State:
        """A state and the one in which the changes have changed places are one."""
        parts, all_shared = self._there
        if a not in parts:
            parts[a] = self.parts.number(swapped_part(self.parts.values[a]))
        if b not in parts:
            parts[b] = self.parts.number(swapped_part(self.parts.values[b]))
        if shared not in all_shared:
            all_shared[shared] = self.shared.number(swapped_shared(self.shared.values[shared]))
        return min((a, b, shared), (parts[b], parts[a], all_shared[shared]))
