"""Claims about when people are reminded, and of what."""

from datetime import timedelta

import pytest
from attempts import NOW, attempt

from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.domain.reminder import reminder, reminder_due

DAY = 86400.0


def waiting(what: str, *, days: float = 7, **fields: object):
    awaited = Awaited(what=what, since=NOW, deadline=NOW + timedelta(days=days))
    return attempt(awaited=awaited, pr_number=3, **fields)


@pytest.mark.parametrize(("what", "is_due"), [("review", True), ("merge", True), ("ci", False), ("lane", False)])
def test_only_people_are_reminded(what, is_due):
    assert reminder_due(waiting(what), DAY) == (NOW + timedelta(days=1) if is_due else None)


def test_nobody_is_reminded_of_a_wait_that_ends_first_or_of_none():
    assert reminder_due(waiting("review", days=1), DAY) is None
    assert reminder_due(attempt(), DAY) is None


def test_what_is_missing_is_quoted_and_only_the_policys_reviewers_are_notified():
    text = reminder(waiting("review", reason="no word by @cat"), ("@ben", "dora"))
    assert text.endswith("@ben @dora")
    assert "@cat" not in text
    assert "After 2026-01-09" in text
