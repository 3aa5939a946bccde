"""Claims about the counts of a snapshot: those of `git diff --numstat`, to the line, whatever the files are."""

import random
from pathlib import Path

import pytest
from remote_repository import git

from oneshot_dagster.domain.errors import OneshotError

TEXT = b"".join(b"%d\n" % number for number in range(40))
BEFORE = {
    b"edited": TEXT,
    b"moved": TEXT + b"moved\n",
    b"moved and edited": TEXT + b"both\n",
    b"deleted": b"one\ntwo",
    b"headers": b"++ b/x\n-- a/x\n@ -1 +1 @@\n" + TEXT,
    b"looks like a patch": b"diff --git a/x b/x\nindex 0..1\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n",
    b"no newline": b"1\n2",
    b"newline": b"1\n2\n",
    b"crlf": b"1\r\n2\r\n",
    b"carriage returns": b"1\r2\r3\n",
    b"emptied": TEXT,
    b"filled": b"",
    b"empty and gone": b"",
    b"empty and moved": b"",
    b"binary": b"\0\1\2",
    b"turns binary": TEXT,
    b"late NUL": b"x" * 9000 + b"\n1\n",
    b"latin": b"\xe9\n" * 3,
    b"to link": b"README.md",
    b"to link, many lines": TEXT,
    b"script.sh": b"#!/bin/sh\n",
    b"two\nlines @@ -1 +1 @@\n+": b"1\n",
    b"\xff\xfe": b"1\n",
    b"whitespace": b"a b\n c\n",
    b"form feed": b"1\x0c2\n\x0b\n\xe2\x80\xa8\n",
}
AFTER = {
    b"edited": TEXT.replace(b"7\n", b"seven\n") + b"more\n",
    b"to/moved": BEFORE[b"moved"],
    b"to/moved and edited": BEFORE[b"moved and edited"].replace(b"20\n", b"twenty\n21\n"),
    b"headers": TEXT + b"++ b/y\n-- a/y\n@ -2 +2 @@\n+\n-\n\\ No newline at end of file\n",
    b"looks like a patch": b"diff --git a/y b/y\nindex 0..1\nBinary files a/y and b/y differ\n",
    b"no newline": b"1\n2\n",
    b"newline": b"1\n2",
    b"crlf": b"1\r\n2\n3\r\n",
    b"carriage returns": b"1\r3\r\n",
    b"emptied": b"",
    b"filled": TEXT[:-1],
    b"to/empty and moved": b"",
    b"empty and new": b"",
    b"binary": b"\0\1\3",
    b"turns binary": TEXT + b"\0",
    b"late NUL": b"x" * 9000 + b"\n\0\n+\n",
    b"latin": b"\xe9\n\xe8\n",
    b"two\nlines @@ -1 +1 @@\n+": b"2\n",
    b"\xff\xfe": b"2\n3\n",
    b"whitespace": b"a  b\n\tc \n\n",
    b"form feed": b"1\x0c2\x0c\n\x0b\x85\n\xe2\x80\xa9\n",
}
LINKS = {b"to link": b"README.md", b"to link, many lines": b"0\n1\n2\nnowhere"}
LARGE = {b"large": (b"0123456789\n" * 1_600_000, b"x\n" + b"0123456789\n" * 1_600_000)}


def commit(world, files: dict[bytes, bytes], *, links: dict[bytes, bytes], mode: bytes = b"100644") -> str:
    """A commit of exactly these files; a submodule that points to another commit each time is among them."""
    blobs = [
        *((b"100644", name, content) for name, content in files.items()),
        *((b"120000", name, target) for name, target in links.items()),
        (mode, b"script.sh", BEFORE[b"script.sh"]),
    ]
    head = git(world.remote.path, "rev-parse", "main")
    stream = b"commit refs/heads/main\ncommitter x <x> 1 +0000\ndata 0\nfrom %s\ndeleteall\n" % head.encode()
    stream += b"M 160000 %s vendor\n" % head.encode()
    for kind, name, content in blobs:
        quoted = b'"%s"' % name.replace(b"\n", b"\\n")
        stream += b"M %s inline %s\ndata %d\n%s\n" % (kind, quoted, len(content), content)
    git(world.remote.path, "fast-import", "--quiet", stdin=stream)
    return git(world.remote.path, "rev-parse", "main")


def counted_by_git(world, base: str, head: str) -> dict[bytes, tuple[int | None, int | None]]:
    fields = git(world.remote.path, "diff", "--numstat", "-z", "-M", base, head).encode("utf-8", "surrogateescape")
    found, left = {}, iter(fields.split(b"\0"))
    for field in left:
        if field:
            plus, minus, name = field.split(b"\t", 2)
            name = name or [next(left), next(left)][1]
            found[name] = (None, None) if plus == b"-" else (int(plus), int(minus))
    return found


def counted_by_us(world, base: str, head: str, *, patches: bool = True) -> dict[bytes, tuple[int | None, int | None]]:
    world.ours.fetch("acme/shop")
    shot = world.ours.snapshot(world.key, base_sha=base, head_sha=head, patches=patches)
    return {file.path_bytes: (file.additions, file.deletions) for file in shot.files}


@pytest.fixture
def asked(world, tmp_path: Path, monkeypatch) -> Path:
    """A file with a line for each git that was started, with its arguments."""
    real, log, folder = git(tmp_path, "--exec-path") + "/git", tmp_path / "asked", tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return log


UNTOLD = {b"binary", b"turns binary", *LINKS}


def test_files_whose_patches_tell_are_counted_as_git_counts_them_without_asking(world, asked):
    base = commit(world, {name: BEFORE[name] for name in BEFORE.keys() - UNTOLD}, links={})
    after = {name: AFTER[name] for name in AFTER.keys() - UNTOLD}
    head = commit(world, after, links={}, mode=b"100755")
    found = counted_by_us(world, base, head)
    assert "--numstat" not in asked.read_text()
    assert found == counted_by_git(world, base, head) == counted_by_us(world, base, head, patches=False)
    assert (found[b"script.sh"], found[b"vendor"], found[b"empty and new"]) == ((0, 0), (1, 1), (0, 0))
    assert found[b"late NUL"] == (2, 1)


@pytest.mark.parametrize("odd", ["binary", "turns binary", "to link", "to link, many lines", "large"])
def test_one_file_whose_patch_does_not_tell_has_all_counted_by_git(world, asked, odd):
    name = odd.encode()
    before, after = LARGE.get(name, (BEFORE.get(name, b""), AFTER.get(name, b"")))
    base = commit(world, {b"edited": BEFORE[b"edited"], name: before}, links={})
    linked = {name: LINKS[name]} if name in LINKS else {}
    head = commit(world, {b"edited": AFTER[b"edited"]} | ({} if linked else {name: after}), links=linked)
    found = counted_by_us(world, base, head)
    assert asked.read_text().count("--numstat") == 1
    assert found == counted_by_git(world, base, head) == counted_by_us(world, base, head, patches=False)
    assert found[b"edited"] == (5, 4)


def test_all_oddities_together_are_counted_as_git_counts_them(world):
    base = commit(world, {k: v for k, v in BEFORE.items() if k != b"script.sh"}, links={})
    head = commit(world, AFTER, links=LINKS, mode=b"100755")
    found = counted_by_us(world, base, head)
    assert found == counted_by_git(world, base, head) == counted_by_us(world, base, head, patches=False)
    assert found.keys() >= AFTER.keys() | LINKS.keys() | {b"script.sh", b"vendor"}


@pytest.mark.parametrize("seed", [1, 2])
def test_random_edits_are_counted_as_git_counts_them(world, seed):
    dice = random.Random(seed)
    lines = [
        b"a\n",
        b"b\n",
        b"c\r\n",
        b"\n",
        b"+\n",
        b"-\n",
        b"++ a\n",
        b"-- b\n",
        b"@@ -1 +1 @@\n",
        b"\\ No newline\n",
        b"end",
    ]
    before, after = {}, {}
    for number in range(500):
        old = dice.choices(lines, k=dice.randrange(30))
        new = [line for line in old if dice.random() < 0.8]
        for _ in range(dice.randrange(4)):
            new.insert(dice.randrange(len(new) + 1), dice.choice(lines))
        before[b"f%d" % number], after[b"f%d" % number] = b"".join(old), b"".join(new)
    base, head = commit(world, before, links={}), commit(world, after, links={})
    assert counted_by_us(world, base, head) == counted_by_git(world, base, head)


def test_a_patch_too_large_as_a_whole_is_cut_and_its_files_are_counted_all_the_same(world):
    names = [b"f%d" % number for number in range(9)]
    base = commit(world, {}, links={})
    head = commit(world, {name: name * 6_000_000 for name in names}, links={})
    world.ours.fetch("acme/shop")
    files = world.ours.snapshot(world.key, base_sha=base, head_sha=head, patches=True).files
    found = {file.path_bytes: (file.additions, file.patch_omitted) for file in files}
    assert found[b"f0"] == (1, "the patch is larger than 512 KiB")
    assert found[b"f8"] == (1, "the whole patch is too large")
    assert [found[name][0] for name in names] == [1] * 9


def test_a_commit_that_is_not_there_is_an_error(world):
    with pytest.raises(OneshotError):
        counted_by_us(world, world.remote.first, "f" * 40)
