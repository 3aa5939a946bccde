"""Claims about the engine's own commit in a worktree."""

import subprocess

import pytest
from remote_repository import git

from oneshot_dagster.domain.errors import BadInput, NeedsHuman


def changed(world, tree, commit: str) -> set[str]:
    return set(git(world.bare, "diff", "--name-only", tree.head_sha, commit).split("\n")) - {""}


def test_everything_is_committed_but_the_engines_files(world):
    tree = world.provision()
    (tree.path / "src/app.py").unlink()
    (tree.path / "new name.py").write_text("1\n")
    for name in (".codex-log", ".codex/events.jsonl", ".oneshot/state", ".oneshot-x", ".oneshot.toml"):
        (tree.path / name).parent.mkdir(exist_ok=True)
        (tree.path / name).write_text("x\n")
    assert changed(world, tree, world.commit(tree)) == {"src/app.py", "new name.py", ".oneshot.toml"}
    assert (tree.path / ".codex-log").exists()


def test_engine_files_that_the_agent_staged_itself_stay_out(world):
    tree = world.provision()
    (tree.path / ".codex").mkdir()
    (tree.path / ".codex/x").write_text("x\n")
    git(tree.path, "add", "--force", ".codex/x")
    assert world.commit(tree) == tree.head_sha


def test_what_set_up_leaves_is_in_no_commit_and_is_swept_without_a_word(world):
    tree = world.provision()
    for name in ("venv/bin/python", "lib of set-up/a", "src/generated.py"):
        (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.path / name).write_text("by set-up\n")
    (tree.path / "venv/lib").symlink_to("/usr/lib")
    (tree.path / "src/app.py").write_text("by set-up\n")
    git(tree.path, "init", "-q", "venv/src/clone")
    assert set(world.ours.set_aside(world.key)) == {"venv", "lib of set-up", "src/generated.py"}
    assert (tree.path / "src/app.py").read_text() != "by set-up\n"
    (tree.path / "venv/more").write_text("by the tests\n")
    (tree.path / "src/generated_by_hand.py").write_text("by the agent\n")
    (tree.path / "src/app.py").write_text("by the agent\n")
    commit = world.commit(tree)
    assert changed(world, tree, commit) == {"src/app.py", "src/generated_by_hand.py"}
    again = world.provision(head=commit)
    assert again.kept is None
    assert not (tree.path / "venv").exists()
    (tree.path / "venv").write_text("by the agent\n")
    assert changed(world, tree, world.commit(again)) == {"src/app.py", "src/generated_by_hand.py", "venv"}


def test_nothing_changed_is_the_same_head(world):
    tree = world.provision()
    assert world.commit(tree) == tree.head_sha


def test_author_and_committer_are_those_that_we_say(world):
    tree = world.provision()
    git(tree.path, "config", "user.name", "Somebody Else")
    (tree.path / "a").write_text("1\n")
    shown = git(world.bare, "show", "-s", "--format=%an <%ae>|%cn <%ce>|%s", world.commit(tree))
    assert shown == "An Agent <agent@example.test>|The Engine <engine@example.test>|what the agent did"


def test_no_hook_runs_and_nothing_is_signed(world):
    tree = world.provision()
    hooks = world.bare / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text("#!/bin/sh\ntouch $GIT_DIR/../../hook-ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    for name, value in (("commit.gpgSign", "true"), ("core.hooksPath", str(hooks)), ("gpg.program", "false")):
        git(tree.path, "config", name, value)
    (tree.path / "a").write_text("1\n")
    world.commit(tree)
    assert not (world.bare / "hook-ran").exists()


def test_commits_of_the_agent_become_part_of_ours(world):
    tree = world.provision()
    git(tree.path, "checkout", "-q", "-b", "mine")
    (tree.path / "a").write_text("1\n")
    git(tree.path, "add", "a")
    git(tree.path, "commit", "-q", "-m", "by the agent")
    (tree.path / "b").write_text("1\n")
    commit = world.commit(tree)
    assert git(world.bare, "rev-parse", f"{commit}^") == tree.head_sha
    assert changed(world, tree, commit) == {"a", "b"}
    assert git(tree.path, "rev-parse", "HEAD") == commit


def test_a_change_hidden_from_git_is_committed_all_the_same(world):
    tree = world.provision()
    git(tree.path, "update-index", "--assume-unchanged", "README.md")
    (tree.path / "README.md").write_text("hidden\n")
    assert changed(world, tree, world.commit(tree)) == {"README.md"}


def test_a_head_that_the_agent_broke_does_not_stop_it(world):
    tree = world.provision()
    (world.bare / "worktrees" / tree.name / "HEAD").unlink()
    (tree.path / "a").write_text("1\n")
    assert changed(world, tree, world.commit(tree)) == {"a"}


def test_a_stale_index_lock_does_not_stop_it(world):
    tree = world.provision()
    (world.bare / "worktrees" / tree.name / "index.lock").write_text("")
    (tree.path / "a").write_text("1\n")
    assert changed(world, tree, world.commit(tree)) == {"a"}


def test_a_git_file_that_leads_elsewhere_is_not_followed(world, tmp_path):
    tree = world.provision()
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (tree.path / ".git").write_text(f"gitdir: {other}/.git\n")
    (tree.path / "a").write_text("1\n")
    assert changed(world, tree, world.commit(tree)) == {"a"}


def test_a_second_commit_follows_the_first(world):
    tree = world.provision()
    (tree.path / "a").write_text("1\n")
    first = world.commit(tree)
    (tree.path / "b").write_text("1\n")
    assert git(world.bare, "rev-parse", f"{world.commit(tree)}^") == first


@pytest.mark.parametrize(
    ("links", "refused"),
    [
        ({"inside": "src/app.py"}, False),
        ({"src/up": "../README.md"}, False),
        ({"dangling": "src/none"}, False),
        ({"loop": "loop"}, False),
        ({"absolute": "/etc/passwd"}, True),
        ({"up": ".."}, True),
        ({"src/up": "../../x"}, True),
        ({"a/b/c/root": "../../..", "a/b/c/d": "root/../x"}, True),
        ({"hook": ".git/hooks"}, True),
    ],
)
def test_links_that_lead_outside_are_refused(world, links, refused):
    tree = world.provision()
    for name, target in links.items():
        (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.path / name).symlink_to(target)
    if not refused:
        assert changed(world, tree, world.commit(tree)) == set(links)
        return
    with pytest.raises(NeedsHuman) as stopped:
        world.commit(tree)
    assert stopped.value.reason == "patch_outside_repository"


def test_an_old_link_that_leads_outside_through_a_changed_one_is_refused(world):
    (world.remote.clone / "a/b").mkdir(parents=True)
    (world.remote.clone / "a/b/file").write_text("x")
    (world.remote.clone / "deep").symlink_to("a/b")
    (world.remote.clone / "root").symlink_to("deep/../..")
    world.remote.push_all()
    tree = world.provision()
    (tree.path / "deep").unlink()
    (tree.path / "deep").symlink_to("a")
    with pytest.raises(NeedsHuman, match="the link root"):
        world.commit(tree)


def test_a_link_outside_that_was_there_before_is_not_the_patchs(world):
    (world.remote.clone / "hosts").symlink_to("/etc/hosts")
    world.remote.push_all()
    tree = world.provision()
    (tree.path / "other").symlink_to("README.md")
    assert changed(world, tree, world.commit(tree)) == {"other"}


@pytest.mark.parametrize("committed", [True, False])
def test_a_repository_within_the_patch_is_refused(world, committed):
    tree = world.provision()
    inner = tree.path / "inner"
    subprocess.run(["git", "init", "-q", str(inner)], check=True)
    (inner / "file").write_text("x")
    if committed:
        git(inner, "add", "--all")
        git(inner, "commit", "-q", "-m", "inner")
    with pytest.raises(NeedsHuman) as stopped:
        world.commit(tree)
    assert stopped.value.reason == "patch_outside_repository"


def test_a_folder_that_is_no_worktree_of_ours_is_refused(world, tmp_path):
    with pytest.raises(BadInput):
        world.ours.commit_all(tmp_path, message="x", author=world.ours._identity)
