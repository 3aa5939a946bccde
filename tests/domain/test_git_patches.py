"""Claims about reading git's patches: each file gets its own, in whatever pieces they come, and counts as git would."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from git_output import NEW, NOTHING, OLD, head, raw, section, unread
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.git_diff import Counts, NotGitOutput, parse_raw
from oneshot_dagster.domain.git_patches import PATCH_LIMIT, PatchReader
from oneshot_dagster.domain.snapshot import FileChange


@dataclass(frozen=True)
class Read:
    """What was known while patches came, and the reader after the last."""

    known: list[FileChange]
    reader: PatchReader

    @property
    def told_counts(self) -> bool:
        return self.reader.told_counts

    def files(self, counts: Sequence[Counts] = ()) -> list[FileChange]:
        return [*self.known, *self.reader.rest(counts)]


def reader_of(output: str, *names: bytes, letter: str = "M", truncated: bool = False) -> Read:
    return read([output.encode()], *names, letter=letter, truncated=truncated)


def read(pieces: Sequence[bytes], *names: bytes, letter: str = "M", truncated: bool = False) -> Read:
    reader = PatchReader(parse_raw(b"".join(raw(letter, name) for name in names)))
    known = [file for piece in pieces for file in reader.add(piece)]
    return Read([*known, *reader.end(truncated=truncated)], reader)


def test_lines_that_look_like_headers_stay_in_their_file():
    body = "-diff --git a/x b/x\n+++ b/x\n diff --git a/y b/y\n"
    one, two = reader_of(section("one", body) + section("two", "+2\n"), b"one", b"two").files()
    assert one.patch == section("one", body)
    assert two.patch == section("two", "+2\n")


LINES = st.sampled_from(
    (
        *(" same", "+new", "-old", "+", "-", "+\r", "+\0", "+ü", "\\ No newline at end of file"),
        *("+++ b/x", "--- a/x", "+diff --git a/x b/x", "+Binary files differ"),
        *("+@@ -1 +1 @@", "-@@ -1 +1 @@", " @@ -1 +1 @@", "@@ -7 +7 @@ f()"),
    )
)


@given(st.lists(st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=4), st.lists(st.integers(0, 900)))
def test_patches_are_read_alike_in_whatever_pieces_they_come(bodies, cuts):
    names = [b"f%d" % number for number in range(len(bodies))]
    sections = [section(f"f{n}", "".join(line + "\n" for line in body)) for n, body in enumerate(bodies)]
    whole = "".join(sections).encode()
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    reader = read([whole[start:end] for start, end in itertools.pairwise(places)], *names)
    assert reader.told_counts
    for file, text, body in zip(reader.files(), sections, bodies, strict=True):
        assert file.patch == (None if "\0" in text else text)
        assert file.additions == sum(line.startswith("+") for line in body)
        assert file.deletions == sum(line.startswith("-") for line in body)


def test_a_file_without_a_hunk_has_no_lines():
    [file] = reader_of(head("x"), b"x").files()
    assert (file.additions, file.deletions, file.patch) == (0, 0, head("x"))


def test_what_the_patches_do_not_tell_is_counted_by_git():
    reader = reader_of(section("one", "+1\n") + unread("two") + unread("three"), b"one", b"two", b"three")
    assert not reader.told_counts
    one, two, three = reader.files(((1, 0), (None, None), (7, 5)))
    assert (one.additions, one.patch) == (1, section("one", "+1\n"))
    assert (two.additions, two.patch, two.patch_omitted) == (None, None, "binary")
    assert (three.additions, three.patch, three.patch_omitted) == (7, None, "the file is too large")


def test_a_file_is_known_as_soon_as_the_next_one_begins_and_those_before_it_are_known():
    reader = PatchReader(parse_raw(b"".join(raw("M", name) for name in (b"one", b"two", b"three", b"four"))))
    known = [
        [file.path for file in reader.add(piece.encode())]
        for piece in (section("one", "+1\n"), section("two", "+2\n"), unread("three"), section("four", "+4\n"))
    ]
    assert known == [[], ["one"], ["two"], []]
    assert [file.path for file in reader.end(truncated=False)] == []
    counts = ((1, 0), (1, 0), (None, None), (1, 0))
    assert [file.path for file in reader.rest(counts)] == ["three", "four"]


def test_a_changed_type_has_both_its_sections_and_the_counts_of_git():
    output = section("x", "-1\n", new=NOTHING) + section("x", "+1\n", old=NOTHING)
    reader = reader_of(output, b"x", letter="T")
    assert not reader.told_counts
    [file] = reader.files(((0, 0),))
    assert (file.patch, file.additions) == (output, 0)


def test_a_changed_type_from_or_to_a_large_file_has_no_patch():
    output = section("x", "-1\n", new=NOTHING) + unread("x", old=NOTHING)
    [file] = reader_of(output, b"x", letter="T").files(((9, 1),))
    assert (file.additions, file.patch, file.patch_omitted) == (9, None, "the file is too large")


@pytest.mark.parametrize(
    "output",
    [
        "",
        section("one", "+1\n"),
        section("one", "+1\n") * 3,
        section("one", "+1\n") + section("two", "+1\n", new=OLD),
        "warning\n",
        "warning\n" + section("one", "+1\n") + section("two", "+1\n"),
    ],
    ids=["none", "too few", "too many", "of other blobs", "no patch", "something before"],
)
def test_patches_that_are_not_those_of_the_files_are_refused(output):
    with pytest.raises(NotGitOutput):
        reader_of(output, b"one", b"two")


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NOTHING, OLD)], ids=["the first", "the second"])
def test_each_half_of_a_changed_type_has_to_be_its_own(first, second):
    output = section("x", "-1\n", new=first) + section("x", "+1\n", old=NOTHING, new=second)
    with pytest.raises(NotGitOutput):
        reader_of(output, b"x", letter="T")


def test_of_a_cut_output_only_whole_patches_are_taken():
    output = (section("one", "+1\n") + section("two", "+2\n"))[:-3]
    reader = reader_of(output, b"one", b"two", b"three", truncated=True)
    assert not reader.told_counts
    one, two, three = reader.files(((1, 0), (2, 0), (3, 0)))
    assert (one.patch, one.patch_omitted) == (section("one", "+1\n"), None)
    assert two.patch_omitted == three.patch_omitted == "the whole patch is too large"
    assert (two.additions, three.additions) == (2, 3)


def test_an_output_cut_at_its_very_end_still_has_to_be_counted():
    assert not reader_of(section("one", "+1\n"), b"one", truncated=True).told_counts


def test_a_patch_at_the_limit_is_kept_and_one_byte_more_is_not():
    filler = "+" + "x" * (PATCH_LIMIT - len(section("x", "")) - 2) + "\n"
    [kept] = reader_of(section("x", filler), b"x").files()
    [omitted] = reader_of(section("x", "+" + filler), b"x").files()
    assert kept.patch is not None
    assert (omitted.patch, omitted.patch_omitted, omitted.additions) == (None, "the patch is larger than 512 KiB", 1)
