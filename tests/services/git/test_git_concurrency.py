"""Claims about many at once on one repository: nobody fails, everybody has the right files."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from remote_repository import git

from oneshot_dagster.domain.change import ChangeKey

WORK = """
import json, sys
from pathlib import Path
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories
root, url, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
person = Identity(name="e", email="e@example.test")
ours = GitRepositories(home=root / "home", worktrees=root / "worktrees", remote_url=lambda _: url,
                       token=lambda _: None, identity=person)
key = ChangeKey("acme", "shop", number)
tree = ours.provision(key, base="main", head=key.branch, recorded_head=None, branch=key.branch)
(tree.path / f"file{number}.txt").write_text("x")
commit = ours.commit_all(tree.path, message="m", author=person)
ours.fetch("acme/shop")
assert ours.push(key, sha=commit, branch=key.branch, expected=None) is None
ours.provision(key, base="main", head=key.branch, recorded_head=commit, branch=key.branch)
if number % 3 == 0:
    ours.remove_worktree(key)
print(json.dumps({"commit": commit}))
"""


def test_twelve_processes_on_one_repository_all_succeed(world):
    command = [sys.executable, "-c", WORK, str(world.root), world.remote.url]
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(1, 13)
    ]
    results = [process.communicate(timeout=120) for process in running]
    assert [
        (p.returncode, err.decode()[-800:]) for p, (_, err) in zip(running, results, strict=True) if p.returncode
    ] == []
    for number, (out, _) in enumerate(results, 1):
        assert world.remote.head(f"codex/issue-{number}") == json.loads(out)["commit"]
    git(world.bare, "fsck", "--no-dangling")


def test_threads_that_provision_and_fetch_all_succeed(world):
    def one(number: int):
        if number % 2:
            world.ours.fetch("acme/shop")
            return None
        return world.provision(key=ChangeKey("acme", "shop", number))

    with ThreadPoolExecutor(16) as pool:
        trees = [tree for tree in pool.map(one, range(1, 33)) if tree]
    assert len(trees) == 16
    assert all((tree.path / "README.md").read_text() == "hello\n" for tree in trees)


def test_the_same_worktree_provisioned_by_many_at_once_is_whole(world):
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(lambda _: world.provision(), range(8)))
    assert {tree.kept for tree in trees} == {None}
    assert git(trees[0].path, "status", "--porcelain") == ""
