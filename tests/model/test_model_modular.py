"""The modular search does not hide what the plain one finds: what its parts leave out is asked by no step, nothing of the other
change is asked but what is made of it, it meets whatever the plain one meets, and it finds each seeded defect."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest
from model_bounds import FOUND_MODULAR_IN, bounded, with_endless_retries
from model_check import alike, check, kept, order, steps_of, successors
from model_modular import Modular, Place, check_modular
from model_parts import (
    Part,
    Shared,
    firsts,
    mapped,
    named,
    normal,
    part_of,
    shared_of,
    swapped_part,
    swapped_shared,
    world,
)
from model_state import Bound, Defect, Left, Model, World, first

_ONE = [
    bounded("updates and pushes", 1, 1, pushes=2),
    bounded("crashes and a stop", 1, 1, crashes=1, cancels=1),
    bounded("a stall and a stop", 1, 1, stalls=1, cancels=1),
    bounded("a revert and a crash", 1, 1, breaks=1, crashes=1),
    with_endless_retries(bounded("a revert and crashes without end of retries", 1, 1, crashes=2, breaks=1)),
    bounded("another attempt", 1, 1, breaks=2, attempts=2),
    replace(bounded("a retry and a crash", 1, 1, cancels=1, retries=1, crashes=1), infrastructure=0),
]
_TWO = [
    bounded("a revert", 2, 2, breaks=1),
    bounded("a stop", 2, 2, cancels=1),
    bounded("a push", 2, 2, pushes=1),
    bounded("a stall", 2, 2, stalls=1),
    bounded("a crash", 2, 2, crashes=1),
    bounded("somebody deploys", 2, 2, others=1),
]


@pytest.mark.parametrize("bound", _ONE, ids=lambda b: b.name)
def test_what_a_part_leaves_out_is_asked_by_no_step(bound: Bound):
    m = Model(bound=bound)
    parts, shared = firsts(bound)
    seen, todo = {(parts[0], shared)}, deque([(parts[0], shared)])
    while todo:
        part, shared = todo.popleft()
        after = set(_after(m, part, shared))
        assert _forms(m, after, part, shared) == _forms(
            m, _after(m, normal(m, part, shared.lane), shared), part, shared
        )
        todo += after - seen
        seen |= after
    assert len(seen) > 100


def _after(m: Model, part: Part, shared: Shared) -> Iterator[tuple[Part, Shared]]:
    for _, w in steps_of(m, world(part, shared, (part.change,)), 0):
        then = part_of(w, 0)
        yield named(then._replace(engines=tuple(sorted(then.engines, key=order)))), shared_of(w)


def _forms(m: Model, found: object, part: Part, shared: Shared) -> set[tuple[Part, Shared]]:
    """Without the step that only takes somebody away who is nobody by now."""

    def form(part: Part, shared: Shared) -> tuple[Part, Shared]:
        part = normal(m, part, shared.lane)
        return part._replace(change=kept(part.change)), shared

    return {form(*after) for after in found} - {form(part, shared)}


@pytest.mark.parametrize("bound", _TWO, ids=lambda b: b.name)
def test_nothing_of_the_other_is_asked_but_what_is_made_of_it(bound: Bound):
    search = Modular(Model(bound=bound))
    assert search.broken() is None
    asked = 0
    for place in search.places:
        for part in place.met:
            others = list(place.twin.met)[:20]
            assert len({search.numbered.worked_out(part, place.shared, other) for other in others}) == 1
            asked += len(others) > 1
    assert asked > 100


@pytest.mark.parametrize("bound", _TWO, ids=lambda b: b.name)
def test_every_pair_of_states_that_the_plain_search_meets_is_met(bound: Bound):
    """Each change has budgets of its own here, which are left out of it."""
    m = Model(bound=bound)
    search = Modular(m)
    assert search.broken() is None
    met: dict[tuple[Part, Shared], set[Place]] = {}
    for entry in search.came:
        part, shared = search.numbered.values(entry.part, entry.place.shared)
        met.setdefault(_met(m, part, shared), set()).add(entry.place)
    seen = 0
    for w in _worlds(m):
        part, other, shared = part_of(w, 0), swapped_part(part_of(w, 1)), shared_of(w)
        mine, theirs = met[_met(m, part, shared)], met[_met(m, other, swapped_shared(shared))]
        assert any(place.twin in theirs for place in mine)
        seen += 1
    assert seen > 5000


def _met(m: Model, part: Part, shared: Shared) -> tuple[Part, Shared]:
    """Of the heads of an attempt only the newest is merged."""
    part = normal(m, part, shared.lane)._replace(left=Left())
    return part, mapped(shared, lambda text: re.sub(r"\.\d+[pu]*@", ".0@", text))


def _worlds(m: Model) -> Iterator[World]:
    """All that the plain search meets."""
    start = first(m.bound)
    seen, todo = {start}, deque([start])
    while todo:
        w = todo.popleft()
        yield w
        for _, reached in successors(m, w):
            after = alike(reached)
            if after not in seen:
                seen.add(after)
                todo.append(after)


@pytest.mark.parametrize("bound", _TWO, ids=lambda b: b.name)
def test_both_searches_see_all_of_a_small_bound_hold(bound: Bound):
    modular, plain = check_modular(Model(bound=bound)), check(Model(bound=bound))
    assert (modular.violation, plain.violation) == (None, None), [*modular.way, *plain.way]
    assert modular.whole
    assert plain.whole
    assert modular.ends
    assert modular.states < plain.states


@pytest.mark.parametrize("defect", Defect, ids=lambda d: d.name.lower())
def test_the_modular_search_finds_a_seeded_defect(defect: Defect):
    found = check_modular(Model(bound=FOUND_MODULAR_IN[defect], defect=defect), most=40_000)
    assert found.violation is not None, f"{defect}: not seen in {found.states} states"
    assert found.way
