"""The system's clock."""

from datetime import timedelta

from oneshot_dagster.system.clock import Clock, SystemClock


def test_now_is_aware_and_in_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_sleeping_moves_the_monotonic_clock_and_never_fails_on_the_past():
    clock: Clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.05)
    clock.sleep(-1.0)
    assert clock.monotonic() >= before + 0.05
