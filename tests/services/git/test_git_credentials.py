"""Claims about the token: it reaches the remote that it is for, and nothing else can see it."""

import threading
from pathlib import Path

import pytest
from git_over_http import serving

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain

TOKEN = "gho_very-secret-0123456789"


def seen_in_processes(stop: threading.Event, found: set[str], looked: set[str]) -> None:
    while not stop.is_set():
        for folder in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    content = (folder / name).read_bytes()
                except OSError:
                    continue
                if b"git" in content:
                    looked.add(content.partition(b"\0")[0].decode(errors="replace"))
                if TOKEN.encode() in content:
                    found.add(f"{folder}/{name}")


def test_nothing_shows_the_token_during_a_push(world):
    with serving(world.root, token=TOKEN) as server:
        (world.remote.path / "hooks/pre-receive").parent.mkdir(exist_ok=True)
        (world.remote.path / "hooks/pre-receive").write_text("#!/bin/sh\nsleep 0.3\n")
        (world.remote.path / "hooks/pre-receive").chmod(0o755)
        (world.remote.path / "config").open("a").write("[http]\n\treceivepack = true\n")
        ours = world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: TOKEN)
        stop, found, looked = threading.Event(), set(), set()
        watching = threading.Thread(target=seen_in_processes, args=(stop, found, looked))
        watching.start()
        try:
            tree = ours.provision(world.key, base="main", head="x", recorded_head=None, branch="codex/issue-2")
            (tree.path / "a").write_text("1\n")
            commit = world.commit(tree)
            assert ours.push(world.key, sha=commit, branch="codex/issue-2", expected=None) is None
        finally:
            stop.set()
            watching.join()
    assert world.remote.head("codex/issue-2") == commit
    assert any("git" in name for name in looked)
    assert not found
    assert not holding_the_token(world.root)


def holding_the_token(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and TOKEN.encode() in p.read_bytes()]


def test_the_token_file_is_private_and_gone_after_the_call(world):
    with serving(world.root, token=TOKEN) as server:
        ours = world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: TOKEN)
        credentials = ours._bare("acme/shop")._credentials
        with credentials.given(f"{server}/remote.git"):
            [path] = (world.root / "home/credentials").iterdir()
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
        assert not path.exists()


def test_another_url_does_not_get_the_token(world):
    with serving(world.root, token=TOKEN) as server:
        ours = world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: TOKEN)
        ours.fetch("acme/shop")
        bare = ours._bare("acme/shop")
        credentials = bare._credentials
        with credentials.given("https://elsewhere.test/acme/shop") as given, pytest.raises(NeedsHuman) as refused:
            from oneshot_dagster.services.git.environment import fixed

            environment = fixed(given[0], config=given[1])
            bare.repo.git.answer("ls-remote", f"{server}/remote.git", environment=environment)
        assert refused.value.reason == "no_access"


def test_each_repository_gets_its_own_token(world):
    asked = []
    with serving(world.root, token=TOKEN) as server:
        ours = world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda of: asked.append(of) or TOKEN)
        ours.fetch("acme/shop")
        ours.fetch("acme/till")
    assert asked == ["acme/shop", "acme/till"]


@pytest.mark.parametrize("token", [None, "gho_wrong"])
def test_no_access_is_for_a_person(world, token):
    with serving(world.root, token=TOKEN) as server, pytest.raises(NeedsHuman) as refused:
        world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: token).fetch("acme/shop")
    assert refused.value.reason == "no_access"


@pytest.mark.parametrize("answer", [403, 404])
def test_a_refused_token_is_for_a_person(world, answer):
    with serving(world.root, token=TOKEN, answer=answer) as server, pytest.raises(NeedsHuman) as refused:
        world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: TOKEN).fetch("acme/shop")
    assert refused.value.reason == "no_access"


@pytest.mark.parametrize("answer", [500, 502, 503, 429])
def test_a_server_in_trouble_is_tried_again(world, answer):
    with serving(world.root, token=TOKEN, answer=answer) as server, pytest.raises(TryAgain):
        world.another(remote_url=lambda _: f"{server}/remote.git", token=lambda _: TOKEN).fetch("acme/shop")


def test_a_server_that_is_not_there_is_tried_again(world):
    with pytest.raises(TryAgain):
        world.another(remote_url=lambda _: "http://127.0.0.1:9/remote.git").fetch("acme/shop")
