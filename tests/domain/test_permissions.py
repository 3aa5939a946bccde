"""Claims about the table of permissions: each has a reason, and more covers less."""

import pytest

from oneshot_dagster.domain.permissions import NOT_ASKED, PERMISSIONS, reaches


def test_each_permission_stands_once_with_its_reason_and_asks_at_least_its_least():
    assert len({p.name for p in PERMISSIONS}) == len(PERMISSIONS)
    for permission in PERMISSIONS:
        assert permission.why
        assert reaches({permission.name: permission.access}, permission.name, permission.least)


def test_what_is_not_asked_for_is_not_asked_for():
    assert not {name for name, _ in NOT_ASKED} & {p.name for p in PERMISSIONS}
    assert all(p.access == "read" for p in PERMISSIONS if p.name == "administration")


@pytest.mark.parametrize(
    ("held", "asked", "enough"),
    [("write", "read", True), ("read", "write", False), ("", "read", False), ("", "", True), ("odd", "read", False)],
)
def test_more_covers_less(held, asked, enough):
    assert reaches({"contents": held} if held else {}, "contents", asked) is enough
