"""Claims about the places that a judging model cites: each exists at the head, or the answer is void."""

import pytest
from changed_files import changed, snapshot

from oneshot_dagster.domain.citations import checked, citations, count_lines, lines_gone
from oneshot_dagster.domain.opinion import Decision, JudgeFailure, ModelOpinion, Requirement
from oneshot_dagster.domain.snapshot import FileStatus

LINES = {"src/shop.py": 10, "README.md": 3, "a b/odd:name.py": 2, "gone.py": 4}
TOUCHED = {"src/shop.py", "gone.py"}


def opinion(*where: str, decision: Decision = Decision.PASS) -> ModelOpinion:
    coverage = tuple(Requirement(requirement=f"the {n}.", covered=bool(w), where=w) for n, w in enumerate(where))
    return ModelOpinion(
        decision=decision, coverage=coverage, missing_items=(), suggested_fixes=(), next_prompt=None, memory_notes=()
    )


@pytest.mark.parametrize(
    "where",
    [
        ("src/shop.py:1",),
        ("src/shop.py:10",),
        ("src/shop.py:2-9",),
        ("src/shop.py:4-4", "README.md:3"),
        ("gone.py:4",),
    ],
)
def test_places_that_exist_let_an_opinion_stand(where) -> None:
    said = opinion(*where)
    assert checked(said, lines=LINES, touched=TOUCHED) is said


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (("src/shop.py:11",), "src/shop.py:11 (the file has 10 line(s))"),
        (("src/shop.py:9-11",), "src/shop.py:9-11 (the file has 10 line(s))"),
        (("src/shop.py:9-2",), "the wrong way round"),
        (("src/Shop.py:1",), "no such file at the head"),
        (("./src/shop.py:1",), "no such file at the head"),
        (("src/shop.py:1", "other.py:1"), "other.py:1 (no such file"),
        (("README.md:1",), "nothing of what the change touches"),
    ],
)
def test_one_wrong_place_voids_it(where, problem) -> None:
    found = checked(opinion(*where), lines=LINES, touched=TOUCHED)
    assert isinstance(found, JudgeFailure)
    assert problem in found.problem


@pytest.mark.parametrize("decision", [Decision.NEEDS_ITERATION, Decision.NEEDS_HUMAN])
def test_only_a_pass_has_to_cite_the_change(decision) -> None:
    said = opinion("README.md:1", "", decision=decision)
    assert checked(said, lines=LINES, touched=TOUCHED) is said


def test_a_place_is_read_from_its_end() -> None:
    (found,) = citations(opinion("a b/odd.py:1-2", "a b/odd.py:1-2", ""))
    assert (found.path, found.first, found.last) == ("a b/odd.py", 1, 2)


def test_lines_of_a_file_that_is_gone_may_be_cited() -> None:
    files = snapshot(changed("gone.py", status=FileStatus.DELETED, additions=0, deletions=4), changed("kept.py"))
    assert lines_gone(files) == {"gone.py": 4}


@pytest.mark.parametrize(("content", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_a_last_line_counts_without_its_newline(content, lines) -> None:
    assert count_lines(content) == lines
