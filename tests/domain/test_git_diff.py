"""Claims about reading git's lists: every byte counts, and what does not fit together is refused."""

import pytest
from git_output import NEW, OLD, counted, raw
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.git_diff import NotGitOutput, parse_numstat, parse_raw, parse_raw_numstat
from oneshot_dagster.domain.snapshot import FileStatus

NAMES = st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name)
STATUSES = st.sampled_from(["A", "M", "D", "R086", "R100", "C075", "T"])


@given(st.lists(st.tuples(STATUSES, NAMES, NAMES, st.one_of(st.none(), st.integers(0, 10**6))), max_size=8))
def test_every_list_of_files_is_read_as_it_was_written(entries):
    lists, counts = b"", b""
    for letter, old, new, number in entries:
        names = (old, new) if letter[0] in "RC" else (new,)
        lists += raw(letter, *names)
        counts += counted(*(["-", "-"] if number is None else [str(number), "7"]), *names)
    files = parse_raw_numstat(lists + counts)
    assert [(f.path_bytes, f.additions) for f in files] == [(new, number) for _, _, new, number in entries]
    assert [f.old_path_bytes for f in files] == [old if letter[0] in "RC" else None for letter, old, _, _ in entries]
    listed = parse_raw(lists)
    assert [entry.path_bytes for entry in listed] == [file.path_bytes for file in files]
    assert parse_numstat(counts, listed) == tuple((file.additions, file.deletions) for file in files)


def test_modes_and_blobs_are_taken_over():
    [file] = parse_raw_numstat(raw("M", b"x") + counted("1", "2", b"x"))
    assert (file.old_mode, file.new_mode, file.old_blob, file.new_blob) == ("100644", "100755", OLD, NEW)
    assert (file.status, file.additions, file.deletions) == (FileStatus.MODIFIED, 1, 2)


@pytest.mark.parametrize(
    "output",
    [
        raw("M", b"x"),
        raw("M", b"x")[:-1],
        raw("R090", b"x"),
        raw("M", b"x") + counted("1", "2", b"y"),
        raw("X", b"x") + counted("1", "2", b"x"),
        raw("M", b"x") + counted("1", "2", b"x") + counted("1", "2", b"y"),
    ],
    ids=["no counts", "cut", "one name of two", "counts of another", "unknown status", "too many counts"],
)
def test_lists_that_do_not_fit_together_are_refused(output):
    with pytest.raises(NotGitOutput):
        parse_raw_numstat(output)


@pytest.mark.parametrize("output", [raw("M", b"x") + counted("1", "2", b"x"), raw("M", b"x")[:-1], b"warning\n"])
def test_what_is_no_list_of_files_is_refused(output):
    with pytest.raises(NotGitOutput):
        parse_raw(output)
