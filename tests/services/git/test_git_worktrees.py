"""Claims about provisioning: the right commit, nothing lost, every broken state repaired."""

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from remote_repository import git

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import NeedsHuman

STATE = Path(".state")


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts}


def is_exactly(folder: Path, sha: str) -> bool:
    clean = git(folder, "status", "--porcelain", "--ignored", "--untracked-files=all") == ""
    return clean and git(folder, "rev-parse", "HEAD") == sha


def in_bundle(bundle: Path, clone: Path, path: str) -> str:
    ref = git(clone, "bundle", "list-heads", str(bundle)).split()[1]
    git(clone, "fetch", "-q", str(bundle), f"+{ref}:refs/kept")
    return git(clone, "show", f"refs/kept:{path}")


def test_a_new_worktree_stands_at_the_tip_of_the_base(world):
    tree = world.provision()
    assert (tree.name, tree.base_sha, tree.head_sha, tree.kept) == (
        "pr-acme-shop-2",
        world.remote.first,
        world.remote.first,
        None,
    )
    assert files(tree.path) == {"README.md", "src/app.py", "run.sh"}
    assert is_exactly(tree.path, world.remote.first)


def test_the_branch_of_the_remote_goes_before_the_base(world):
    pushed = world.remote.push({"new.py": "1\n"}, branch="codex/issue-2")
    main = world.remote.push({"later.py": "1\n"}, branch="main", start=world.remote.first)
    tree = world.provision()
    assert (tree.head_sha, tree.base_sha) == (pushed, world.remote.first)
    assert world.ours.resolve("acme/shop", "main") == main


def test_a_recorded_head_goes_before_the_branch(world):
    world.remote.push({"new.py": "1\n"}, branch="codex/issue-2")
    assert is_exactly(world.provision(head=world.remote.first).path, world.remote.first)


def test_a_commit_that_is_only_local_is_provisioned_again_from_the_bare_repository(world):
    tree = world.provision()
    (tree.path / "feature.py").write_text("x = 1\n")
    commit = world.commit(tree)
    world.ours.remove_worktree(world.key)
    git(world.bare, "gc", "--quiet", "--prune=now")
    again = world.provision(head=commit)
    assert is_exactly(again.path, commit)
    assert (again.path / "feature.py").read_text() == "x = 1\n"


def test_a_commit_of_a_deleted_branch_is_fetched_by_its_sha(world):
    git(world.remote.path, "config", "uploadpack.allowAnySHA1InWant", "true")
    pushed = world.remote.push({"new.py": "1\n"}, branch="codex/issue-2")
    git(world.remote.path, "update-ref", "-d", "refs/heads/codex/issue-2")
    assert is_exactly(world.provision(head=pushed).path, pushed)


@pytest.mark.parametrize(
    ("base", "head", "reason"), [("release", None, "base_missing"), ("main", "0123456789" * 4, "head_missing")]
)
def test_what_does_not_exist_is_for_a_person(world, base, head, reason):
    with pytest.raises(NeedsHuman) as refused:
        world.provision(base=base, head=head)
    assert refused.value.reason == reason


def test_unrelated_histories_are_for_a_person(world):
    git(world.remote.clone, "checkout", "-q", "--orphan", "other")
    (world.remote.clone / "other.txt").write_text("x")
    world.remote.push_all("other")
    with pytest.raises(NeedsHuman, match="no commit in common"):
        world.provision(base="other", head=world.remote.first)


def test_a_warm_worktree_follows_the_branch(world):
    world.provision()
    pushed = world.remote.push({"new.py": "1\n", "run.sh": None}, branch="codex/issue-2")
    tree = world.provision()
    assert is_exactly(tree.path, pushed)
    assert tree.kept is None


def test_uncommitted_and_untracked_work_is_kept_in_a_bundle_then_swept(world):
    tree = world.provision()
    (tree.path / "src/app.py").write_text("print(2)\n")
    (tree.path / "notes").mkdir()
    (tree.path / "notes/idea.txt").write_text("a good one\n")
    swept = world.provision()
    assert is_exactly(swept.path, world.remote.first)
    assert in_bundle(swept.kept, world.remote.clone, "src/app.py") == "print(2)"
    assert in_bundle(swept.kept, world.remote.clone, "notes/idea.txt") == "a good one"
    assert world.provision().kept is None


def test_commits_that_no_remote_has_are_kept_in_a_bundle(world):
    tree = world.provision()
    (tree.path / "feature.py").write_text("x = 1\n")
    commit = world.commit(tree)
    swept = world.provision(head=world.remote.first)
    assert is_exactly(swept.path, world.remote.first)
    assert git(world.remote.clone, "bundle", "list-heads", str(swept.kept)).split()[0] == commit


def test_going_to_the_commit_itself_keeps_nothing(world):
    tree = world.provision()
    (tree.path / "feature.py").write_text("x = 1\n")
    assert world.provision(head=world.commit(tree)).kept is None


def test_ignored_files_and_those_of_the_engine_are_swept_without_a_bundle(world):
    world.remote.push({".gitignore": "build/\n"})
    tree = world.provision()
    (tree.path / "build").mkdir()
    (tree.path / "build/out.o").write_text("x")
    (tree.path / ".codex-implementation.log").write_text("x")
    swept = world.provision()
    assert swept.kept is None
    assert files(swept.path) == {".gitignore", "README.md", "src/app.py", "run.sh"}


def test_changes_hidden_from_git_status_are_kept_and_undone(world):
    tree = world.provision()
    git(tree.path, "update-index", "--assume-unchanged", "README.md")
    git(tree.path, "update-index", "--skip-worktree", "run.sh")
    (tree.path / "README.md").write_text("hidden\n")
    (tree.path / "run.sh").write_text("hidden too\n")
    swept = world.provision()
    assert in_bundle(swept.kept, world.remote.clone, "README.md") == "hidden"
    assert (swept.path / "README.md").read_text() == "hello\n"
    assert (swept.path / "run.sh").read_text() == "#!/bin/sh\n"


def test_a_repository_within_the_worktree_is_kept_as_a_tar(world):
    tree = world.provision()
    inner = tree.path / "inner"
    subprocess.run(["git", "init", "-q", str(inner)], check=True)
    (inner / "work.txt").write_text("mine\n")
    swept = world.provision()
    with tarfile.open(swept.kept) as kept:
        assert kept.extractfile("pr-acme-shop-2/inner/work.txt").read() == b"mine\n"
    assert is_exactly(swept.path, world.remote.first)


def test_a_worktree_whose_git_file_became_a_repository_is_kept_and_made_anew(world):
    tree = world.provision()
    (tree.path / ".git").unlink()
    subprocess.run(["git", "init", "-q", str(tree.path)], check=True)
    (tree.path / "work.txt").write_text("mine\n")
    swept = world.provision()
    with tarfile.open(swept.kept) as kept:
        assert "pr-acme-shop-2/work.txt" in kept.getnames()
    assert is_exactly(swept.path, world.remote.first)


def test_a_folder_that_is_not_ours_is_kept(world):
    foreign = world.ours.worktree_path(world.key)
    foreign.mkdir(parents=True)
    (foreign / "work.txt").write_text("mine\n")
    tree = world.provision()
    assert tree.kept is not None
    assert is_exactly(tree.path, world.remote.first)


SPOILS = {
    "stale index.lock": lambda at: (at.admin / "index.lock").write_text(""),
    "stale HEAD.lock": lambda at: (at.admin / "HEAD.lock").write_text(""),
    "broken index": lambda at: (at.admin / "index").write_bytes(b"broken"),
    "no .git": lambda at: (at.path / ".git").unlink(),
    "foreign .git": lambda at: (at.path / ".git").write_text("gitdir: /nowhere\n"),
    "no gitdir": lambda at: (at.admin / "gitdir").unlink(),
    "a merge under way": lambda at: (at.admin / "MERGE_HEAD").write_text("0" * 40 + "\n"),
    "a branch checked out": lambda at: git(at.path, "checkout", "-q", "-b", "mine"),
    "an orphan branch": lambda at: git(at.path, "checkout", "-q", "--orphan", "mine"),
    "no HEAD": lambda at: (at.admin / "HEAD").unlink(),
    "HEAD at a commit that is not there": lambda at: (at.admin / "HEAD").write_text("1" * 40 + "\n"),
    "no index": lambda at: (at.admin / "index").unlink(),
    "stale packed-refs.lock": lambda at: (at.bare / "packed-refs.lock").write_text(""),
    "stale ref lock": lambda at: (at.bare / "refs/remotes/origin/main.lock").write_text(""),
    "foreign config": lambda at: git(at.path, "config", "core.worktree", "/nowhere"),
}


@pytest.mark.parametrize("spoiled", SPOILS)
def test_a_spoiled_worktree_is_repaired(world, spoiled):
    tree = world.provision()
    admin = world.bare / "worktrees" / tree.name
    SPOILS[spoiled](SimpleNamespace(path=tree.path, admin=admin, bare=world.bare))
    pushed = world.remote.push({"new.py": "1\n"})
    swept = world.provision()
    assert is_exactly(swept.path, pushed)
    assert swept.kept is None


def test_a_broken_worktree_of_one_change_does_not_stop_the_others(world):
    broken = world.provision(key=ChangeKey.parse("acme/shop#1"))
    (world.bare / "worktrees" / broken.name / "HEAD").write_text("1" * 40 + "\n")
    assert is_exactly(world.provision().path, world.remote.first)
    assert is_exactly(world.provision(key=ChangeKey.parse("acme/shop#1")).path, world.remote.first)


@pytest.mark.parametrize("left", ["nothing checked out", "half checked out", "only git's folder", "no files of ours"])
def test_a_half_made_worktree_is_made_anew_and_keeps_nothing(world, left):
    tree = world.provision()
    (tree.path.parent / STATE / f"{tree.name}.json").unlink()
    if left == "nothing checked out":
        (tree.path / "README.md").unlink()
        (world.bare / "worktrees" / tree.name / "index").unlink()
    elif left == "half checked out":
        (tree.path / "src/app.py").unlink()
    elif left == "only git's folder":
        subprocess.run(["rm", "-rf", str(tree.path)], check=True)
    else:
        (world.bare / "worktrees" / tree.name / "HEAD").unlink()
    again = world.provision()
    assert is_exactly(again.path, world.remote.first)
    assert again.kept is None


PROVISION = """
import sys
from pathlib import Path
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories
root, url = Path(sys.argv[1]), sys.argv[2]
ours = GitRepositories(home=root / "home", worktrees=root / "worktrees", remote_url=lambda _: url,
                       token=lambda _: None, identity=Identity(name="e", email="e@example.test"))
key = ChangeKey.parse("acme/shop#2")
print("ready", flush=True)
ours.provision(key, base="main", head=key.branch, recorded_head=None, branch=key.branch)
"""


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_killed_at_any_moment_the_next_provision_is_whole(world, after):
    for number in range(30):
        (world.remote.clone / f"file{number}.txt").write_text("x\n" * 1000)
    pushed = world.remote.push_all()
    process = subprocess.Popen(
        [sys.executable, "-c", PROVISION, str(world.root), world.remote.url], stdout=subprocess.PIPE
    )
    with process:
        process.stdout.readline()
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)
    tree = world.provision()
    assert is_exactly(tree.path, pushed)
    assert tree.kept is None


def test_keys_that_share_a_slug_get_worktrees_of_their_own(world):
    one, other = ChangeKey.parse("my-org/shop#3"), ChangeKey.parse("my/org-shop#3")
    assert world.ours.worktree_path(other).name == "pr-my-org-shop-3"
    assert world.ours.worktree_path(one) != world.ours.worktree_path(other)
    assert world.provision(key=one).path != world.provision(key=other).path


def test_a_removed_worktree_is_gone_and_what_lay_in_it_is_kept(world):
    tree = world.provision()
    (tree.path / "idea.txt").write_text("a good one\n")
    world.ours.remove_worktree(world.key)
    assert not tree.path.exists()
    assert git(world.bare, "worktree", "list").count("\n") == 0
    [kept] = (tree.path.parent / ".kept").iterdir()
    assert in_bundle(kept, world.remote.clone, "idea.txt") == "a good one"


def test_removing_what_is_not_there_does_nothing(world):
    world.ours.remove_worktree(world.key)
    assert not world.ours.worktree_path(world.key).exists()


def test_a_holder_waits_until_children_of_the_one_before_are_gone(world):
    world.provision()
    gone = world.root / "gone"
    with world.ours.hold(world.key) as lock:
        child = subprocess.Popen(["sh", "-c", f"sleep 1; touch {gone}"], pass_fds=(lock,))
    with world.another().hold(world.key):
        assert gone.exists()  # its end is told a moment after its descriptors are closed
    assert child.wait(10) == 0


def test_a_holder_ends_those_that_do_not_go(world):
    world.provision()
    with world.ours.hold(world.key) as lock:
        child = subprocess.Popen(["sleep", "600"], pass_fds=(lock,), start_new_session=True)
    with world.another(patience=0.3).hold(world.key):
        assert child.wait(10) == -signal.SIGKILL
