"""A look at what serves that is patient: with who deploys where it is about something, or does not know. What follows is the caller's."""

from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.steps.delivery import observe_twice
from oneshot_dagster.steps.turn import Turn

_PATIENCE, _PAUSE = 120.0, 1.0


def look_patiently(turn: Turn) -> Observed | None:
    """The first look that says what serves and is not of the moment, else the last one: another's sync or a pod that is moved
    is no failure, and not to be told what serves is no proof that something else does."""
    clock = turn.services.clock
    said, until = "", clock.monotonic() + min(_PATIENCE, turn.policy.deploy.timeout)
    while True:
        seen = observe_twice(turn.services, turn.attempt)
        if seen is None or (seen.known and not seen.settling) or clock.monotonic() >= until:
            return seen
        turn.check_lease()
        if seen.detail != said:
            said = seen.detail
            turn.say(f"looking again: {said}")
        clock.sleep(_PAUSE)
