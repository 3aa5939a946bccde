"""The page on security says of the App what the table of permissions says."""

from pathlib import Path

from oneshot_dagster.domain.permissions import NOT_ASKED, PERMISSIONS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "security.md").read_text()


def rows(head: str) -> list[str]:
    return PAGE.split(head)[1].strip().split("\n\n")[0].splitlines()[1:]


def test_the_permissions_and_their_reasons_are_those_that_are_asked_for() -> None:
    assert rows("| permission | level | why |") == [f"| {p.name} | {p.access} | {p.why} |" for p in PERMISSIONS]


def test_what_is_not_asked_for_is_said() -> None:
    assert rows("| permission | why not |") == [f"| {name} | {why} |" for name, why in NOT_ASKED]
