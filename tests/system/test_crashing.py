"""Boundaries of a service are named by what is the same in every run, and each call has its begin and its end."""

import threading

import pytest

from oneshot_dagster.system.crashing import around, watch


class Toy:
    def move(self, target, sha):
        if target == "nowhere":
            raise ValueError(sha)


@pytest.fixture
def recorded(tmp_path):
    """A toy that is watched, and the boundaries so far."""
    file = tmp_path / "boundaries"
    toy = around(Toy(), "toy", watch(file, 0))
    return toy, lambda: [line.split(" ", 2)[2] for line in file.read_text().splitlines()]


def test_a_boundary_has_the_words_that_stay_and_its_number_but_no_hash(recorded):
    toy, boundaries = recorded
    toy.move("judging", "0" * 40)
    toy.move("judging", sha="1" * 40)
    assert boundaries() == [f"toy.move judging#{nth} {side}" for nth in (1, 2) for side in ("before", "after")]


def test_a_call_that_fails_has_an_end(recorded):
    toy, boundaries = recorded
    with pytest.raises(ValueError, match="why"):
        toy.move("nowhere", "why so")
    assert boundaries()[-1] == "toy.move nowhere#1 after"


def test_what_another_thread_does_is_told_apart_and_not_counted(recorded):
    toy, boundaries = recorded
    other = threading.Thread(target=toy.move, args=("judging", "0" * 40))
    other.start()
    other.join()
    toy.move("judging", "0" * 40)
    assert {line.split()[1] for line in boundaries()} == {"judging#0", "judging#1"}


def test_a_line_that_was_never_recorded_is_an_error(tmp_path):
    file = tmp_path / "boundaries"
    file.write_text("1.0 1 toy.move judging#1 before\n")
    with pytest.raises(IndexError):
        watch(file, 2)
