"""How long something was frozen: what overlaps counts once, what was before the wait does not count."""

from datetime import UTC, datetime, timedelta

import pytest

from oneshot_dagster.domain.freeze import frozen_for

DAY = datetime(2025, 1, 1, tzinfo=UTC)


def at(hours: float | None) -> datetime | None:
    return None if hours is None else DAY + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("spans", "hours"),
    [
        ((), 0),
        (((1, 3),), 2),
        (((-5, 2),), 2),
        (((-5, -1),), 0),
        (((8, None),), 2),
        (((1, 4), (2, 3), (3, 5)), 4),
        (((6, None), (1, 2), (7, 8)), 5),
        (((-5, None),), 10),
    ],
)
def test_time_that_was_frozen_since_the_wait_began_is_counted_once(spans, hours):
    stood = [(at(begun), at(ended)) for begun, ended in spans]
    assert frozen_for(stood, since=DAY, now=DAY + timedelta(hours=10)) == timedelta(hours=hours)
