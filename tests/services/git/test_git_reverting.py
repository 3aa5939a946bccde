"""Taking back what landed: what git's own revert makes of it, after every way to merge, with others' commits on top."""

import pytest
from remote_repository import git


@pytest.fixture
def landed(world):
    """A feature on a branch of two commits, merged in each of the three ways onto a base with a neighbour's file."""
    remote = world.remote
    before = remote.push({"price.py": "base\n", "near.py": "1\n2\n3\n4\n5\n6\n7\n8\n"})

    def merge(how: str) -> tuple[str, str]:
        remote.push({"price.py": "feature\n"}, branch="feature", start=before)
        remote.push({"new.py": "new\n", "near.py": "1\n2\n3\n4\n5\n6\n7\nEIGHT\n"}, branch="feature")
        git(remote.clone, "checkout", "-q", "main")
        options = {"squash": ("--squash",), "merge": ("--no-ff", "--no-edit"), "rebase": ("--ff-only",)}[how]
        git(remote.clone, "merge", "-q", *options, "feature")
        if how == "squash":
            git(remote.clone, "commit", "-q", "-m", "squashed")
        git(remote.clone, "push", "-q", str(remote.path), "main")
        return before, _fetched(world)

    return merge


def _fetched(world) -> str:
    world.ours.fetch("acme/shop")
    return world.remote.head("main")


def _reverted(world, sha, *options) -> str:
    """As git does it itself."""
    git(world.remote.clone, "revert", "--no-edit", *options, sha)
    git(world.remote.clone, "push", "-q", str(world.remote.path), "main")
    return _fetched(world)


@pytest.mark.parametrize("how", ["squash", "merge", "rebase"])
def test_what_landed_is_gone_and_what_others_did_since_stays(world, landed, how):
    before, sha = landed(how)
    world.remote.push({"near.py": "ONE\n2\n3\n4\n5\n6\n7\nEIGHT\n", "theirs.py": "theirs\n"})
    tip = _fetched(world)
    made = world.ours.revert(world.key, landed=sha, before=before, onto=tip, message="Take it back\n")
    assert made.conflicts == ()
    assert world.ours.parents("acme/shop", made.sha) == (tip,)
    assert world.ours.message("acme/shop", made.sha) == "Take it back\n"
    read = {
        p: world.ours.read_file("acme/shop", sha=made.sha, path=p)
        for p in ("price.py", "near.py", "theirs.py", "new.py")
    }
    assert read == {
        "price.py": b"base\n", "near.py": b"ONE\n2\n3\n4\n5\n6\n7\n8\n", "theirs.py": b"theirs\n", "new.py": None
    }  # fmt: skip


@pytest.mark.parametrize(("how", "options"), [("squash", ()), ("merge", ("-m", "1"))])
def test_the_tree_is_the_one_that_git_revert_makes(world, landed, how, options):
    before, sha = landed(how)
    world.remote.push({"theirs.py": "theirs\n"})
    made = world.ours.revert(world.key, landed=sha, before=before, onto=_fetched(world), message="back\n")
    assert world.ours.tree("acme/shop", made.sha) == world.ours.tree("acme/shop", _reverted(world, sha, *options))


def test_what_later_commits_changed_too_is_a_conflict_that_names_the_files(world, landed):
    before, sha = landed("squash")
    world.remote.push({"price.py": "feature and more\n", "other.py": "x\n"})
    tip = _fetched(world)
    made = world.ours.revert(world.key, landed=sha, before=before, onto=tip, message="back\n")
    assert (made.sha, made.conflicts) == (None, ("price.py",))


def test_what_was_taken_back_already_needs_no_commit(world, landed):
    before, sha = landed("squash")
    tip = _reverted(world, sha)
    made = world.ours.revert(world.key, landed=sha, before=before, onto=tip, message="back\n")
    assert (made.sha, made.conflicts) == (None, ())


def test_a_revert_of_the_revert_brings_the_feature_back_after_a_merge_commit(world, landed):
    before, sha = landed("merge")
    tip = _fetched(world)
    gone = world.ours.revert(world.key, landed=sha, before=before, onto=tip, message="back\n")
    again = world.ours.revert(world.key, landed=gone.sha, before=tip, onto=gone.sha, message="once more\n")
    assert world.ours.tree("acme/shop", again.sha) == world.ours.tree("acme/shop", sha)
