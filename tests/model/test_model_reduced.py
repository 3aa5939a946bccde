"""The reduced search does not hide what the plain one finds: what its parts leave out is asked by no step, who goes on alone is
disturbed by nobody, both judge smaller bounds alike, and it finds each seeded defect."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest
from model_bounds import FOUND_REDUCED_IN, bounded
from model_check import check, kept, order, steps_of
from model_parts import Part, Shared, firsts, named, normal, part_of, shared_of, world
from model_reduced import check_reduced
from model_search import Search
from model_state import Bound, Defect, Model

_ONE = [
    bounded("updates and pushes", 1, 1, pushes=2),
    bounded("crashes and a stop", 1, 1, crashes=1, cancels=1),
    bounded("a stall and a stop", 1, 1, stalls=1, cancels=1),
    bounded("a revert and a crash", 1, 1, breaks=1, crashes=1),
    bounded("another attempt", 1, 1, breaks=2, attempts=2),
    replace(bounded("a retry and a crash", 1, 1, cancels=1, retries=1, crashes=1), infrastructure=0),
]
_TWO = [
    bounded("a revert", 2, 2, breaks=1),
    bounded("a stop", 2, 2, cancels=1),
    bounded("a push", 2, 2, pushes=1),
    bounded("a stall", 2, 2, stalls=1),
    bounded("a person merges", 2, 2, merges=1),
    bounded("somebody deploys", 2, 2, others=1),
]


@pytest.mark.parametrize("bound", _ONE, ids=lambda b: b.name)
def test_what_a_part_leaves_out_is_asked_by_no_step(bound: Bound):
    m = Model(bound=bound)
    ((parts, shared),) = firsts(bound)
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
def test_who_goes_on_alone_is_disturbed_by_nobody(bound: Bound):
    search = Search(Model(bound=bound))
    todo = deque(search.firsts())
    seen, alone = set(todo), 0
    while todo:
        state = todo.popleft()
        for one, other in (state[:2], state[1::-1]):
            if search.alone(one, state[2], other):
                alone += 1
                _disturbed_by_nobody(search, one, other, state[2])
        for _, after, _ in search.expansions(state):
            todo += (new := set(after) - seen)
            seen |= new
    assert alone > len(seen) / 4


def _disturbed_by_nobody(search: Search, one: int, other: int, shared: int) -> None:
    """Whatever the other does, it goes on alone with the same steps, and both orders lead to the same."""
    mine = search.steps(one, shared, other).steps
    for theirs in search.steps(other, shared, one).steps:
        then = search.steps(one, theirs.shared, theirs.part)
        assert then.broken is None
        assert search.alone(one, theirs.shared, theirs.part)
        assert [(s.said, s.part) for s in then.steps] == [(s.said, s.part) for s in mine], theirs.said
        for n, step in enumerate(mine):
            after = [s for s in search.steps(other, step.shared, step.part).steps if s.said == theirs.said]
            assert (theirs.part, then.steps[n].shared) in [(s.part, s.shared) for s in after], (step.said, theirs.said)


@pytest.mark.parametrize("bound", _TWO[:4], ids=lambda b: b.name)
def test_both_searches_see_all_of_a_small_bound_hold(bound: Bound):
    reduced, plain = check_reduced(Model(bound=bound)), check(Model(bound=bound))
    assert (reduced.violation, plain.violation) == (None, None), [*reduced.way, *plain.way]
    assert reduced.whole
    assert plain.whole
    assert 0 < reduced.ends <= plain.ends
    assert reduced.states < plain.states / 3


@pytest.mark.parametrize("defect", Defect, ids=lambda d: d.name.lower())
def test_the_reduced_search_finds_a_seeded_defect(defect: Defect):
    found = check_reduced(Model(bound=FOUND_REDUCED_IN[defect], defect=defect), most=40_000)
    assert found.violation is not None, f"{defect}: not seen in {found.states} states"
    assert found.way
