"""The bake: for a while after the suites, the deployed revision has to go on serving and the policy's health lines to succeed."""

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.test_results import SuiteResult
from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.steps.looking import look_patiently
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.verifying import Suites

_LONGEST_PAUSE, _LOOKS = 5.0, 20  # seconds between two looks, and at least so many looks


def bake(turn: Turn, suites: Suites) -> SuiteResult | None:
    """What did not hold, or None. At least one look, the last one at the end of the time; without a bake it is the only one."""
    length = turn.policy.verify.bake
    pause = min(_LONGEST_PAUSE, length / _LOOKS)
    clock, looks = turn.services.clock, 0
    ends = clock.monotonic() + length
    if length:
        turn.say(f"baking for {length:.0f} s")
    while True:
        broken = _broken(turn, suites)
        looks += 1
        if broken is not None or clock.monotonic() >= ends:
            said = broken and in_words(broken)
            turn.fact("engine", "bake", {"seconds": length, "looks": looks, "broken": said}, sha=suites.sha)
            return broken
        turn.check_lease()
        clock.sleep(min(pause, max(0.0, ends - clock.monotonic())))


def _observed(turn: Turn) -> Observed | None:
    observed = look_patiently(turn)
    if observed is not None and not observed.known:
        raise NeedsHuman(f"nobody says what serves: {observed.detail}", reason="deployment_unknown")
    return observed


def _look(turn: Turn, suites: Suites) -> str | None:
    observed = _observed(turn)
    if observed is not None and (observed.revision != suites.sha or not observed.ready):
        return f"{suites.sha[:7]} does not serve any more: {observed.detail}"
    return None


def _broken(turn: Turn, suites: Suites) -> SuiteResult | None:
    if turn.cancelled():
        return _without_a_line(suites, Verdict.DID_NOT_RUN, "somebody asked to take it back")
    gone = _look(turn, suites)
    if gone is not None:
        return _without_a_line(suites, Verdict.FAILED, gone)
    results = (suites.run("health", line) for line in turn.policy.verify.health)
    return next((result for result in results if result.verdict is not Verdict.PASSED), None)


def in_words(broken: SuiteResult) -> str:
    return f"{broken.suite}: {broken.reason}" if broken.command else broken.reason


def _without_a_line(suites: Suites, verdict: Verdict, reason: str) -> SuiteResult:
    return SuiteResult(
        suite="bake", command="", sha=suites.sha, verdict=verdict, reason=reason, exit_code=None, seconds=0.0
    )
