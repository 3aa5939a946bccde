"""Claims about how a path is shown to people: readable, and never two alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.snapshot import printable

NAMES = st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"src/app.py", "src/app.py"),
        ("naïve".encode(), "naïve"),
        (b"a\nb\tc", "a\\nb\\tc"),
        (b"a\\b", "a\\\\b"),
        (b"\xff", "\\xff"),
        ("\u202egpj".encode(), "\\u202egpj"),
        (b"\x1b[31m", "\\x1b[31m"),
    ],
)
def test_a_name_is_shown_in_one_readable_way(name, shown):
    assert printable(name) == shown


@given(NAMES, NAMES)
def test_different_names_are_shown_differently(one, other):
    assert (printable(one) == printable(other)) == (one == other)
    assert printable(one).isprintable()
