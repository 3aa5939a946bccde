"""Claims about the snapshot: exactly what git says lies between two commits, whatever the names and kinds of the files."""

import os
import random

import pytest
from remote_repository import git

from oneshot_dagster.domain.snapshot import FileStatus

ODD = [
    b"two\nlines",
    b"a\ttab",
    b'a "quote"',
    b"back\\slash",
    b"\xff\xfe not utf-8",
    "naïve ü".encode(),
    b" leading",
    b"-dash",
    b"new file mode",
]


def shoot(world, base: str, *, patches: bool = True):
    head = git(world.remote.clone, "rev-parse", "HEAD")
    world.ours.fetch("acme/shop")
    shot = world.ours.snapshot(world.key, base_sha=base, head_sha=head, patches=patches)
    return {file.path_bytes: file for file in shot.files}


def write(world, name: bytes, content: bytes = b"x\n"):
    path = world.remote.clone / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_each_status_with_its_counts(world):
    base = world.remote.push(
        {"keep.txt": "".join(f"{n}\n" for n in range(50)), "gone.txt": "1\n2\n", "turn": "a file\n"}
    )
    clone = world.remote.clone
    (clone / "keep.txt").rename(clone / "moved.txt")
    (clone / "gone.txt").unlink()
    (clone / "turn").unlink()
    (clone / "turn").symlink_to("README.md")
    (clone / "README.md").write_text("hello\nworld\n")
    (clone / "added.txt").write_text("something quite different\n")
    world.remote.push_all()
    files = shoot(world, base)
    assert {name: (f.status, f.additions, f.deletions) for name, f in files.items()} == {
        b"README.md": (FileStatus.MODIFIED, 1, 0),
        b"added.txt": (FileStatus.ADDED, 1, 0),
        b"gone.txt": (FileStatus.DELETED, 0, 2),
        b"moved.txt": (FileStatus.RENAMED, 0, 0),
        b"turn": (FileStatus.TYPE_CHANGED, 1, 1),
    }
    assert files[b"moved.txt"].old_path_bytes == b"keep.txt"
    assert (files[b"turn"].old_mode, files[b"turn"].new_mode) == ("100644", "120000")
    assert files[b"turn"].patch.count("diff --git ") == 2


def test_a_copy_is_an_added_file(world):
    content = "".join(f"{n}\n" for n in range(50))
    base = world.remote.push({"one.txt": content})
    world.remote.push({"two.txt": content})
    assert shoot(world, base)[b"two.txt"].status is FileStatus.ADDED


def test_odd_names_are_exact_and_shown_readably(world):
    for name in ODD:
        write(world, name)
    world.remote.push_all()
    files = shoot(world, world.remote.first)
    assert set(files) == set(ODD)
    assert files[b"two\nlines"].path == "two\\nlines"
    assert files[b"\xff\xfe not utf-8"].path == "\\xff\\xfe not utf-8"
    assert all(file.patch.endswith("+x\n") and file.path.isprintable() for file in files.values())


def test_odd_names_renamed_are_exact(world):
    for name in ODD:
        write(world, b"old/" + name, b"".join(b"%d %s\n" % (n, name.hex().encode()) for n in range(30)))
    base = world.remote.push_all()
    (world.remote.clone / "old").rename(world.remote.clone / "new")
    world.remote.push_all()
    files = shoot(world, base)
    assert {f.old_path_bytes: name for name, f in files.items()} == {b"old/" + name: b"new/" + name for name in ODD}


def test_modes_empty_files_and_submodules(world):
    clone = world.remote.clone
    (clone / "run.sh").chmod(0o755)
    write(world, b"empty", b"")
    git(clone, "update-index", "--add", "--cacheinfo", f"160000,{world.remote.first},vendor/lib")
    git(clone, "add", "run.sh", "empty")
    git(clone, "commit", "-q", "-m", "kinds")
    git(clone, "push", "-q", str(world.remote.path), "HEAD:refs/heads/main")
    files = shoot(world, world.remote.first)
    assert (files[b"run.sh"].old_mode, files[b"run.sh"].new_mode, files[b"run.sh"].additions) == ("100644", "100755", 0)
    assert (files[b"empty"].additions, files[b"empty"].new_mode) == (0, "100644")
    assert (files[b"vendor/lib"].new_mode, files[b"vendor/lib"].new_blob) == ("160000", world.remote.first)
    assert "old mode 100644\nnew mode 100755" in files[b"run.sh"].patch


@pytest.mark.parametrize(
    ("content", "why", "additions"),
    [
        (b"a\0b\n", "binary", None),
        (b"latin \xe9\n", "not UTF-8", 1),
        (b"x" * 9000 + b"\n\0\n", "holds NUL", 2),
        (b"0123456789\n" * 60_000, "the patch is larger than 512 KiB", 60_000),
        (b"0123456789\n" * 1_600_000, "the file is too large", 1_600_000),
    ],
    ids=["binary", "latin-1", "late NUL", "large patch", "large file"],
)
def test_a_patch_that_cannot_be_shown_is_omitted_with_the_reason(world, content, why, additions):
    write(world, b"data", content)
    write(world, b"zz.txt")
    world.remote.push_all()
    files = shoot(world, world.remote.first)
    assert (files[b"data"].patch, files[b"data"].patch_omitted, files[b"data"].additions) == (None, why, additions)
    assert files[b"zz.txt"].patch.endswith("+x\n")


def test_a_file_of_100_megabytes_is_counted_and_not_read_as_a_patch(world):
    write(world, b"data.csv", b"0123456789\n" * 9_600_000)
    world.remote.push_all()
    file = shoot(world, world.remote.first)[b"data.csv"]
    assert (file.additions, file.patch, file.patch_omitted) == (9_600_000, None, "the file is too large")


def test_patches_are_those_of_each_file_and_apply(world, tmp_path):
    dice = random.Random(7)
    names = [f"d{n % 7}/f{n}.txt" for n in range(60)]
    base = world.remote.push({name: "".join(f"{dice.random()}\n" for _ in range(40)) for name in names})
    lines = ["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "-- ", "\\ No newline at end of file"]
    world.remote.push({name: "\n".join(dice.choices(lines, k=20)) for name in names[::2]})
    files = shoot(world, base)
    whole = "".join(file.patch for file in files.values())
    git(world.remote.clone, "checkout", "-q", "--force", base)
    git(world.remote.clone, "apply", "--index", "-", stdin=whole.encode())
    assert git(world.remote.clone, "write-tree") == git(world.remote.path, "rev-parse", "main^{tree}")


def test_attributes_and_configuration_of_the_repository_hide_nothing(world):
    base = world.remote.push({".gitattributes": "*.py -diff\n*.txt diff=x\n", "a.txt": "1\n", "a.py": "1\n"})
    world.remote.push({"a.txt": "2\n", "a.py": "2\n"})
    world.provision()
    git(world.bare, "config", "diff.x.command", "false")
    git(world.bare, "config", "diff.renames", "false")
    files = shoot(world, base)
    assert all((f.additions, f.deletions) == (1, 1) and "+2\n" in f.patch for f in files.values())


def test_two_equal_commits_have_no_files(world):
    assert shoot(world, world.remote.first) == {}
    assert shoot(world, world.remote.first, patches=False) == {}
