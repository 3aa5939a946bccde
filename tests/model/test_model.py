"""The model check at a small bound: the claims hold in every state, every step of the lifecycle is taken, and each seeded
defect is found. The larger bounds are every_state.py's."""

import pytest
from model_bounds import FOUND_IN, OVERTAKEN, SMALL
from model_check import Found, check
from model_state import Bound, Defect, Model

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import Part, State, allowed

_MOST = 60_000
S = State
# What the model leaves out, each with its reason.
_NOT_MODELLED = {(s, S.SUPERSEDED) for s in S} | {  # the same change taken in on another base
    (s, S.NEEDS_HUMAN)
    for s in S  # each failure has its own place, and the claims are not about these
}
_STOPS = {(s, S.CANCELLED) for s in S}  # a stop between any two steps


@pytest.fixture(scope="module")
def checked() -> list[tuple[Bound, Model, Found]]:
    models = [Model(bound=bound) for bound in SMALL]
    return [(model.bound, model, check(model, most=_MOST)) for model in models]


def _cover(checked: list[tuple[Bound, Model, Found]], what: str) -> set[tuple[str, ...]]:
    return {c[1:] for _, model, _ in checked for c in model.cover if c[0] == what}


def test_the_claims_hold_in_every_state_and_an_end_can_always_be_reached(checked, record_property):
    record_property("states", sum(found.states for _, _, found in checked))
    for bound, _, found in checked:
        assert found.violation is None, "\n".join([bound.name, str(found.violation), *found.way])
        assert found.whole, bound.name
        assert found.ends, bound.name


def test_every_step_of_the_lifecycle_is_taken(checked):
    steps = {(s, t) for s in S for t in S if s is not S.NEEDS_HUMAN and allowed(s, t)} - _NOT_MODELLED
    taken = {(S(source), S(target)) for source, target in _cover(checked, "move")}
    assert steps <= taken | _STOPS, sorted(steps - taken - _STOPS)
    assert {S.CANCELLED, S.NEEDS_ITERATION} <= {target for source, target in taken if source is S.NEEDS_HUMAN}


def test_every_guard_is_hit(checked):
    assert {"passed", "pending", "failed", "head_moved", "closed"} <= {o for (o,) in _cover(checked, "gate")}
    acted = {artifact for artifact, does in _cover(checked, "part") if does == Part.ACTS}
    assert acted == {artifact.value for artifact in Artifact}
    assert {Part.SHOWS.value, Part.REFUSES.value} <= {does for _, does in _cover(checked, "part")}
    assert {"True", "False"} == {said for (said,) in _cover(checked, "delivered")}
    given = _cover(checked, "action")
    actions = {"StartRun", "FailRun", "StartAttempt", "MoveTo", "Settle", "WaitUntil"}
    assert actions <= {action for action, _ in given}
    assert {("StartAttempt", "revert"), ("StartAttempt", "implement"), ("MoveTo", "rolled_back")} <= given
    assert {("MoveTo", "cancelled"), ("MoveTo", "needs_iteration")} <= given
    assert _cover(checked, "stale"), "nobody was ever fenced out"


@pytest.mark.parametrize("defect", Defect, ids=lambda d: d.name.lower())
def test_a_seeded_defect_is_found(defect: Defect):
    found = check(Model(bound=FOUND_IN[defect], defect=defect), most=_MOST)
    assert found.violation is not None, f"{defect}: not seen in {found.states} states"
    assert found.way


def test_a_stop_is_not_overtaken_by_an_engine_that_was_stalled():
    found = check(Model(bound=OVERTAKEN), most=_MOST)
    assert found.violation is None
