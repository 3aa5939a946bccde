"""Claims about reading git's lists: every byte counts, and what does not fit together is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.snapshot import (
    PATCH_LIMIT,
    FileStatus,
    NotGitOutput,
    parse_raw_numstat,
    printable,
    with_patches,
)

OLD, NEW, NOTHING = "a" * 40, "b" * 40, "0" * 40
NAMES = st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name)
STATUSES = st.sampled_from(["A", "M", "D", "R086", "R100", "C075", "T"])


def raw(letter: str, *names: bytes) -> bytes:
    return b"\0".join([f":100644 100755 {OLD} {NEW} {letter}".encode(), *names]) + b"\0"


def counted(plus: str, minus: str, *names: bytes) -> bytes:
    head = f"{plus}\t{minus}\t".encode()
    return head + names[0] + b"\0" if len(names) == 1 else head + b"\0" + b"\0".join(names) + b"\0"


def section(name: str, body: str, *, old: str = OLD, new: str = NEW) -> str:
    return f"diff --git a/{name} b/{name}\nindex {old}..{new} 100644\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n{body}"


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


def test_modes_and_blobs_are_taken_over():
    [file] = parse_raw_numstat(raw("M", b"x") + counted("1", "2", b"x"))
    assert (file.old_mode, file.new_mode, file.old_blob, file.new_blob) == ("100644", "100755", OLD, NEW)
    assert (file.status, file.additions, file.deletions) == (FileStatus.MODIFIED, 1, 2)


@pytest.mark.parametrize(
    "output",
    [
        raw("M", b"x"),
        raw("M", b"x") + counted("1", "2", b"y"),
        raw("X", b"x") + counted("1", "2", b"x"),
        raw("M", b"x") + counted("1", "2", b"x") + counted("1", "2", b"y"),
    ],
    ids=["no counts", "counts of another", "unknown status", "too many counts"],
)
def test_lists_that_do_not_fit_together_are_refused(output):
    with pytest.raises(NotGitOutput):
        parse_raw_numstat(output)


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


def files(*names: bytes, letter: str = "M"):
    return parse_raw_numstat(b"".join(raw(letter, n) for n in names) + b"".join(counted("1", "1", n) for n in names))


def test_lines_that_look_like_headers_stay_in_their_file():
    body = "-diff --git a/x b/x\n+++ b/x\n diff --git a/y b/y\n"
    one, two = with_patches(files(b"one", b"two"), (section("one", body) + section("two", "+2\n")).encode())
    assert one.patch == section("one", body)
    assert two.patch == section("two", "+2\n")


def test_a_changed_type_has_both_its_sections():
    output = section("x", "-1\n", new=NOTHING) + section("x", "+2\n", old=NOTHING)
    [file] = with_patches(files(b"x", letter="T"), output.encode())
    assert file.patch == output


@pytest.mark.parametrize(
    "output",
    [
        "",
        section("one", "+1\n"),
        section("one", "+1\n") * 3,
        section("one", "+1\n") + section("two", "+1\n", new=OLD),
        "warning\n",
    ],
    ids=["none", "too few", "too many", "of other blobs", "no patch"],
)
def test_patches_that_are_not_those_of_the_files_are_refused(output):
    with pytest.raises(NotGitOutput):
        with_patches(files(b"one", b"two"), output.encode())


def test_of_a_cut_output_only_whole_patches_are_taken():
    output = (section("one", "+1\n") + section("two", "+2\n"))[:-3]
    one, two, three = with_patches(files(b"one", b"two", b"three"), output.encode(), truncated=True)
    assert (one.patch, one.patch_omitted) == (section("one", "+1\n"), None)
    assert two.patch_omitted == three.patch_omitted == "the whole patch is too large"


def test_a_patch_at_the_limit_is_kept_and_one_byte_more_is_not():
    filler = "+" + "x" * (PATCH_LIMIT - len(section("x", "")) - 2) + "\n"
    [kept] = with_patches(files(b"x"), section("x", filler).encode())
    [omitted] = with_patches(files(b"x"), section("x", "+" + filler).encode())
    assert kept.patch is not None
    assert (omitted.patch, omitted.patch_omitted) == (None, "the patch is larger than 512 KiB")
