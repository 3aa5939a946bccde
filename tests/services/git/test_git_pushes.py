"""Claims about moving the remote's branches: compare-and-set, never back, refusals told apart."""

import pytest
from remote_repository import git

from oneshot_dagster.domain.errors import BadInput, NeedsHuman

BRANCH = "codex/issue-2"


@pytest.fixture
def commit(world):
    tree = world.provision()
    (tree.path / "feature.py").write_text("x = 1\n")
    return world.commit(tree)


def test_a_new_branch_stands_where_it_was_pushed_and_is_tracked(world, commit):
    assert world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None) is None
    assert world.remote.head(BRANCH) == commit == world.ours.remote_head("acme/shop", BRANCH)
    assert world.ours.resolve("acme/shop", BRANCH) == commit


def test_a_branch_moves_on_from_the_expected_head(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    tree = world.provision()
    (tree.path / "more.py").write_text("x = 1\n")
    more = world.commit(tree)
    assert world.ours.push(world.key, sha=more, branch=BRANCH, expected=commit) is None
    assert world.remote.head(BRANCH) == more


@pytest.mark.parametrize("known", [True, False])
def test_a_branch_that_a_person_moved_is_left_alone(world, commit, known):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    git(world.remote.clone, "fetch", "-q", str(world.remote.path), BRANCH)
    theirs = world.remote.push({"theirs.py": "1\n"}, branch=BRANCH, start="FETCH_HEAD")
    if known:
        world.ours.fetch("acme/shop")
    tree = world.provision(head=commit)
    (tree.path / "more.py").write_text("x = 1\n")
    assert world.ours.push(world.key, sha=world.commit(tree), branch=BRANCH, expected=commit) == theirs
    assert world.remote.head(BRANCH) == theirs


def test_a_branch_that_exists_already_is_not_made(world, commit):
    theirs = world.remote.push({"theirs.py": "1\n"}, branch=BRANCH)
    assert world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None) == theirs
    assert world.remote.head(BRANCH) == theirs


def test_a_push_repeated_after_a_lost_answer_is_done(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    assert world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None) is None


def test_a_branch_is_never_rewound(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    assert world.ours.push(world.key, sha=world.remote.first, branch=BRANCH, expected=commit) == commit
    assert world.remote.head(BRANCH) == commit


def test_a_history_rewritten_here_is_not_pushed_over_the_expected_head(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    tree = world.provision(head=world.remote.first)
    (tree.path / "other.py").write_text("x = 1\n")
    assert world.ours.push(world.key, sha=world.commit(tree), branch=BRANCH, expected=commit) == commit


def test_a_branch_that_is_gone_is_for_a_person(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    git(world.remote.path, "update-ref", "-d", f"refs/heads/{BRANCH}")
    tree = world.provision(head=commit)
    (tree.path / "more.py").write_text("x = 1\n")
    with pytest.raises(NeedsHuman) as refused:
        world.ours.push(world.key, sha=world.commit(tree), branch=BRANCH, expected=commit)
    assert refused.value.reason == "branch_gone"


def test_a_remote_that_refuses_is_for_a_person(world, commit):
    hook = world.remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(NeedsHuman) as refused:
        world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    assert refused.value.reason == "push_refused"


def test_a_remote_that_is_not_there_is_for_a_person(world):
    with pytest.raises(NeedsHuman) as refused:
        world.another(home=world.root / "new", remote_url=lambda _: f"{world.remote.url}-none").fetch("acme/shop")
    assert refused.value.reason == "no_access"


def test_a_branch_is_deleted_only_where_it_is_expected(world, commit):
    world.ours.push(world.key, sha=commit, branch=BRANCH, expected=None)
    assert not world.ours.delete_branch("acme/shop", branch=BRANCH, expected=world.remote.first)
    assert world.remote.head(BRANCH) == commit
    assert world.ours.delete_branch("acme/shop", branch=BRANCH, expected=commit)
    assert world.remote.head(BRANCH) is None
    assert world.ours.resolve("acme/shop", BRANCH) is None
    assert world.ours.delete_branch("acme/shop", branch=BRANCH, expected=commit)


@pytest.mark.parametrize(
    "url", ["https://name:pass@example.test/acme/shop", "ext::sh -c true", "ssh://example.test/x", "-x"]
)
def test_a_remote_by_another_way_is_refused(world, url):
    with pytest.raises(BadInput):
        world.another(home=world.root / "new", remote_url=lambda _: url).fetch("acme/shop")
