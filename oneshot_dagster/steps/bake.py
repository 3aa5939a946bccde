"""The bake: for a while after the suites, the deployed revision has to go on serving and the policy's health lines to succeed."""

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.steps.delivery import observe_twice
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.verifying import Suites

_LONGEST_PAUSE, _LOOKS = 5.0, 20  # seconds between two looks, and at least so many looks
_UNTOLD = 120.0


def bake(turn: Turn, suites: Suites) -> str | None:
    """Why it did not hold, or None. At least one look, the last one at the end of the time; without a bake it is the only one."""
    length = turn.policy.verify.bake
    pause = min(_LONGEST_PAUSE, length / _LOOKS)
    clock, looks = turn.services.clock, 0
    ends = clock.monotonic() + length
    if length:
        turn.say(f"baking for {length:.0f} s")
    while True:
        broken = _look(turn, suites) or ("somebody asked to take it back" if turn.cancelled() else None)
        looks += 1
        if broken is not None or clock.monotonic() >= ends:
            turn.fact("engine", "bake", {"seconds": length, "looks": looks, "broken": broken}, sha=suites.sha)
            return broken
        turn.check_lease()
        clock.sleep(min(pause, max(0.0, ends - clock.monotonic())))


def _observed(turn: Turn) -> Observed | None:
    """Not to be told what serves is no proof that something else does: asked again for a while, then a person has to look."""
    clock = turn.services.clock
    until = clock.monotonic() + min(_UNTOLD, turn.policy.deploy.timeout)
    while True:
        observed = observe_twice(turn.services, turn.attempt)
        if observed is None or observed.known:
            return observed
        if clock.monotonic() >= until:
            raise NeedsHuman(f"nobody says what serves: {observed.detail}", reason="deployment_unknown")
        turn.check_lease()
        clock.sleep(1.0)


def _look(turn: Turn, suites: Suites) -> str | None:
    observed = _observed(turn)
    if observed is not None and (observed.revision != suites.sha or not observed.ready):
        return f"{suites.sha[:7]} does not serve any more: {observed.detail}"
    for line in turn.policy.verify.health:
        result = suites.run("health", line)
        if result.verdict is not Verdict.PASSED:
            return f"health: {result.reason}"
    return None
