"""`oneshot resume-intake`, and the notice of a pause where a person reads what to decide."""

from store_fixtures import intake

from oneshot_dagster.domain.run import State


def _stuck(store, number: int) -> None:
    attempt = intake(store, f"acme/shop#{number}")
    fields = {"human_from": State.QUEUED, "human_reason": "no_progress"}
    store.runs.transition(attempt, State.NEEDS_HUMAN, reason="why", cause="test", fields=fields)


def test_what_is_paused_goes_on_and_who_still_waits_is_named(oneshot, store):
    for number in (2, 3, 4):
        _stuck(store, number)
    assert "oneshot resume-intake acme/shop" in oneshot("explain", "acme/shop#4").out
    said = oneshot("resume-intake", "acme/Shop")
    waiting = "acme/shop#2, acme/shop#3, acme/shop#4"
    assert (said.code, said.out) == (0, f"intake of acme/shop goes on; these still need a person: {waiting}\n")
    assert "resume-intake" not in oneshot("explain", "acme/shop#4").out


def test_what_is_not_paused_is_not_resumed(oneshot, store):
    _stuck(store, 2)
    said = oneshot("resume-intake", "acme/shop")
    assert said.code == 2
    assert "it is not paused; 1 of 3 changes in a row need a person" in said.err
