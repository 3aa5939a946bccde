"""Claims about a key of the agent's in its work: none of it is committed, kept or led to, and its place is told without it."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from remote_repository import git

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.system.secret_forms import Search, forms

KEY = "sk-" + "Ab3/d+F_" * 12
ENCODED = base64.b64encode(b"k=" + KEY.encode())
FORMS = {
    "plain": KEY.encode(),
    "base64": ENCODED,
    "base64 one later": base64.b64encode(b"key" + b"=" + KEY.encode()),
    "base64 in lines": b"\n".join(ENCODED[place : place + 76] for place in range(0, len(ENCODED), 76)),
    "base64 urlsafe": base64.urlsafe_b64encode(KEY.encode()),
    "hex": KEY.encode().hex().encode(),
    "hex in groups": KEY.encode().hex(" ", 2).upper().encode(),
    "percent": quote(KEY, safe="").encode(),
    "percent all": "".join(f"%{byte:02x}" for byte in KEY.encode()).encode(),
    "json": json.dumps({"key": KEY}).replace("/", "\\/").encode(),
    "shell": "".join(f"\\x{byte:02x}" for byte in KEY.encode()).encode(),
    "among bytes": b"\0\xff\0" + KEY.encode() + b"\0",
}


@pytest.fixture
def watched(world):
    world.ours = world.another(secrets=lambda: (KEY,))
    return world


def told(refused: pytest.ExceptionInfo[NeedsHuman]) -> str:
    assert refused.value.reason == "patch_holds_secret"
    assert not Search((KEY,)).finds(str(refused.value).encode())
    return str(refused.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_key_in_any_letters_is_found_and_nothing_of_it_stays(watched, form):
    tree = watched.provision()
    (tree.path / "src/key.txt").write_bytes(b"one\n\n" + FORMS[form] + b"\n")
    (tree.path / "src/app.py").write_text("print(3)\n")
    (tree.path / ".gitignore").write_text("build\n")
    (tree.path / "build").write_text(KEY)
    refs = git(watched.bare, "for-each-ref")
    with pytest.raises(NeedsHuman) as refused:
        watched.commit(tree)
    assert "src/key.txt:3;" in told(refused)
    assert git(watched.bare, "for-each-ref") == refs
    assert git(tree.path, "rev-parse", "HEAD").strip() == tree.head_sha
    assert git(tree.path, "status", "--porcelain", "--ignored") == ""
    again = watched.provision(head=tree.head_sha)
    assert (again.kept, again.dropped) == (None, ())
    assert not (tree.path.parent / ".kept").exists()


def test_a_name_a_link_and_the_words_of_the_commit_are_looked_at(watched):
    tree = watched.provision()
    (tree.path / f"b-{KEY.encode().hex()}").write_text(KEY)
    (tree.path / "link").symlink_to(KEY)
    with pytest.raises(NeedsHuman) as refused:
        watched.ours.commit_all(tree.path, message=f"with {KEY}\n", author=watched.ours._identity)
    assert (
        told(refused)
        .partition(", in ")[2]
        .startswith("the words of a commit; the name of a file; a file with such a name:1; link:1;")
    )


def test_what_stood_there_before_is_not_held_against_the_patch(world):
    tree = world.provision()
    (tree.path / "fixture.txt").write_text(f"a\n{KEY}\n")
    head = world.commit(tree)
    world.ours = world.another(secrets=lambda: (KEY,))
    (tree.path / "fixture.txt").write_text(f"a\nb\n{KEY}\n")
    (tree.path / "other.txt").write_text("fine\n")
    commit = world.commit(tree)
    assert commit != head
    (tree.path / "fixture.txt").write_text(f"a\nb\n{KEY}\nkey = {KEY}\n")
    with pytest.raises(NeedsHuman) as refused:
        world.commit(tree)
    assert "fixture.txt:4;" in told(refused)


def leave_a_file(path: Path) -> None:
    (path / "key.txt").write_text(f"a\n{KEY}\n")


def commit_and_remove(path: Path) -> None:
    leave_a_file(path)
    git(path, "add", "-A")
    git(path, "commit", "-qm", "mine")
    git(path, "rm", "-q", "key.txt")
    git(path, "commit", "-qm", "gone")


def say_it_in_a_commit(path: Path) -> None:
    git(path, "commit", "-q", "--allow-empty", "-m", KEY)


def beside_a_repository(path: Path) -> None:
    git(path, "init", "-q", "inner")
    leave_a_file(path)


def behind_no_worktree(path: Path) -> None:
    leave_a_file(path)
    (path / ".git").unlink()
    (path / ".git").mkdir()


@pytest.mark.parametrize(
    ("leave", "place"),
    [
        (leave_a_file, "key.txt:2"),
        (commit_and_remove, "key.txt:2"),
        (say_it_in_a_commit, "the words of a commit"),
        (beside_a_repository, "key.txt"),
        (behind_no_worktree, "key.txt"),
    ],
)
def test_leftovers_with_a_key_are_dropped_and_their_place_is_told(watched, leave, place):
    tree = watched.provision()
    leave(tree.path)
    swept = watched.provision()
    assert (swept.kept, swept.dropped) == (None, (place,))
    assert not (tree.path.parent / ".kept").exists()
    assert not [
        ref for ref in git(watched.bare, "for-each-ref", "--format=%(objectname)").split() if ref != tree.head_sha
    ]
    assert git(tree.path, "status", "--porcelain", "--ignored") == ""


def test_leftovers_without_a_key_are_kept_as_ever_and_a_removed_worktree_keeps_none(watched):
    tree = watched.provision()
    (tree.path / "idea.txt").write_text("a good one\n")
    assert watched.provision().kept is not None
    leave_a_file(tree.path)
    before = sorted((tree.path.parent / ".kept").iterdir())
    watched.ours.remove_worktree(watched.key)
    assert sorted((tree.path.parent / ".kept").iterdir()) == before


def test_lines_are_numbered_where_they_begin_however_many_there_are():
    search = Search((KEY,))
    assert search.lines(b"x\n" * 3 + (KEY.encode() + b"\n") * 2) == (4, 5)
    assert search.lines(b"x\n \n" + b"\n".join(KEY.encode().hex()[n : n + 60].encode() for n in (0, 60, 120, 180))) == (
        3,
    )
    assert search.lines((KEY.encode() + b"\n") * 100_000)[:2] == (1, 2)
    assert not Search(())
    assert all(search.finds(form.encode()) for form in forms(KEY))
