"""Claims about asking a repository: names are strict, answers are git's, nothing of the machine takes part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from remote_repository import git

from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.services.git import names

SHA = "0123456789" * 4


@pytest.fixture
def fetched(world):
    world.ours.fetch("acme/shop")
    return world


@pytest.mark.parametrize(
    "name",
    ["-x", "--upload-pack=x", "a..b", "a b", "a:b", "a~1", "a^", "@", "a@{1}", "a\nb", "", "/a", "a/", "a//b", ".a",
     "a/.b", "a.lock", "a.", "a\\b", "a*", "a?", "a[", "x" * 201, SHA],
)  # fmt: skip
def test_a_branch_that_git_could_read_otherwise_is_refused(name):
    with pytest.raises(BadInput):
        names.branch(name)


@pytest.mark.parametrize("name", ["main", "codex/issue-2", "release-1.2", "dependabot/npm/@types/node-1", "ü"])
def test_a_plain_branch_is_taken_and_git_takes_it_too(name):
    assert names.branch(name) == name
    subprocess.run(["git", "check-ref-format", "--branch", name], check=True, capture_output=True)


@pytest.mark.parametrize("text", ["HEAD~1", "main", SHA[:39], SHA.upper().replace("0", "A"), f"{SHA}\n", f"-{SHA[1:]}"])
def test_what_is_no_full_sha_is_refused(text):
    with pytest.raises(BadInput):
        names.sha(text)


@pytest.mark.parametrize("name", ["../x", "acme/..", "acme", "a/b/c", "ACME/shop", "acme/sh op", "-a/b"])
def test_a_repository_that_could_lead_elsewhere_is_refused(world, name):
    with pytest.raises(BadInput):
        world.ours.fetch(name)


def test_resolve_knows_shas_branches_and_tracking_refs(fetched):
    ours, first = fetched.ours, fetched.remote.first
    answers = [ours.resolve("acme/shop", name) for name in ("main", "refs/remotes/origin/main", first)]
    assert answers == [first, first, first]
    assert ours.resolve("acme/shop", "none") is None
    assert ours.resolve("acme/shop", SHA) is None


def test_resolve_before_any_fetch_is_none(world):
    assert world.ours.resolve("acme/shop", "main") is None


def test_a_file_is_read_by_its_exact_path(world):
    world.remote.push({"a*b": "star\n", "ab": "no\n", "dir/x": b"\xff\0", "empty": ""})
    (world.remote.clone / "link").symlink_to("ab")
    head = world.remote.push_all()
    world.ours.fetch("acme/shop")
    read = {
        path: world.ours.read_file("acme/shop", sha=head, path=path)
        for path in ("a*b", "dir/x", "empty", "none", "dir", "link")
    }
    assert read == {"a*b": b"star\n", "dir/x": b"\xff\0", "empty": b"", "none": None, "dir": None, "link": None}


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "", "a/../b"])
def test_a_path_out_of_the_tree_is_refused(fetched, path):
    with pytest.raises(BadInput):
        fetched.ours.read_file("acme/shop", sha=fetched.remote.first, path=path)


def test_trees_parents_and_ancestors_are_gits(world):
    second = world.remote.push({"a": "1\n"})
    side = world.remote.push({"b": "1\n"}, branch="side", start=world.remote.first)
    git(world.remote.clone, "merge", "-q", "-m", "merge", second)
    merge = world.remote.push_all("main")
    world.ours.fetch("acme/shop")
    ours, merged = world.ours, git(world.remote.clone, "rev-parse", f"{merge}^")
    assert ours.parents("acme/shop", merged) == (side, second)
    assert ours.tree("acme/shop", merged) == git(world.remote.clone, "rev-parse", f"{merged}^{{tree}}")
    assert ours.merge_base("acme/shop", second, side) == world.remote.first
    assert ours.is_ancestor("acme/shop", side, "main")
    assert not ours.is_ancestor("acme/shop", merge, side)
    assert ours.merge_tree("acme/shop", side, second) == ours.tree("acme/shop", merged)


def test_a_merge_that_conflicts_has_no_tree(world):
    one = world.remote.push({"README.md": "one\n"})
    other = world.remote.push({"README.md": "other\n"}, branch="side", start=world.remote.first)
    world.ours.fetch("acme/shop")
    assert world.ours.merge_tree("acme/shop", one, other) is None


def test_a_commit_that_is_not_there_is_for_a_person(fetched):
    with pytest.raises(NeedsHuman):
        fetched.ours.tree("acme/shop", SHA)
    with pytest.raises(NeedsHuman):
        fetched.ours.snapshot(fetched.key, base_sha=fetched.remote.first, head_sha=SHA, patches=True)


def test_branches_that_are_gone_from_the_remote_are_pruned(world):
    world.remote.push({"a": "1\n"}, branch="side")
    world.ours.fetch("acme/shop")
    git(world.remote.path, "update-ref", "-d", "refs/heads/side")
    world.ours.fetch("acme/shop")
    assert world.ours.resolve("acme/shop", "side") is None


def test_a_remote_that_moved_is_followed(world, tmp_path):
    world.ours.fetch("acme/shop")
    moved = tmp_path / "moved.git"
    world.remote.path.rename(moved)
    world.remote.path = moved
    pushed = world.remote.push({"a": "1\n"})
    world.ours.fetch("acme/shop")
    assert world.ours.resolve("acme/shop", "main") == pushed
    assert moved.as_uri() in (world.bare / "config").read_text()


def test_an_export_into_a_folder_with_files_is_refused(fetched, tmp_path):
    with pytest.raises(BadInput):
        fetched.ours.export("acme/shop", sha=fetched.remote.first, target=fetched.root)


USE = """
import sys
import oneshot_dagster.services.git.repositories
assert "git" not in sys.modules, "GitPython is loaded before it is used"
from oneshot_dagster.services.git.opening import open_repository
from pathlib import Path
open_repository(Path(sys.argv[1]))
assert "git" in sys.modules
"""


def test_gitpython_is_loaded_late_and_starts_no_git(fetched, tmp_path):
    (tmp_path / "bin").mkdir()
    trap = tmp_path / "bin" / "git"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/git-ran\nexit 1\n")
    trap.chmod(0o755)
    environment = {**os.environ, "PATH": f"{trap.parent}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-c", USE, str(fetched.bare)], env=environment, check=True, cwd=Path.cwd())
    assert not (tmp_path / "git-ran").exists()


PROVISION = """
import sys
from pathlib import Path
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories
root = Path(sys.argv[1])
ours = GitRepositories(home=root / "home", worktrees=root / "worktrees", remote_url=lambda _: sys.argv[2],
                       token=lambda _: None, identity=Identity(name="e", email="e@example.test"))
ours.fetch("acme/shop")
print(ours.resolve("acme/shop", "main"))
"""


def test_the_machines_configuration_and_environment_take_no_part(world, tmp_path):
    home = tmp_path / "somebody"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "/nowhere/"]\n\tinsteadOf = {world.remote.url}\n[core]\n\thooksPath = {home}\n'
    )
    environment = {
        **os.environ,
        "HOME": str(home),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_CONFIG_COUNT": "x",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROVISION, str(tmp_path), world.remote.url],
        env=environment, check=True, capture_output=True, cwd=Path.cwd(),
    )  # fmt: skip
    assert done.stdout.decode().strip() == world.remote.first
