"""Who may do what: tokens, permissions, git over HTTP, foreign pages."""

import subprocess
import sys

import httpx
import pytest
from forge_world import SHOP, git

from oneshot_dagster.local.forge.client import ForgeClient, ForgeError

REPOSITORY = f"/api/v3/repos/{SHOP}"


def refused(call, *arguments, **named):
    with pytest.raises(ForgeError) as error:
        call(*arguments, **named)
    return error.value.status


def test_no_token_or_a_bad_one_is_401(forge, shop):
    assert httpx.get(forge.url + REPOSITORY).status_code == 401
    assert httpx.post(f"{forge.url}/api/graphql", json={"query": "{viewer{login}}"}).status_code == 401
    assert refused(ForgeClient(forge.url, "wrong").ask, "GET", REPOSITORY) == 401


def test_a_reader_reads_and_may_not_write(forge, shop):
    eve = forge.as_("eve")
    assert eve.ask("GET", REPOSITORY)["permissions"] == {
        "pull": True,
        "triage": False,
        "push": False,
        "maintain": False,
        "admin": False,
    }
    number = eve.create_issue(SHOP, "A wish", labels=["oneshot"])["number"]
    assert eve.issue(SHOP, number)["labels"] == []
    assert refused(eve.label, SHOP, number, "oneshot") == 403
    assert refused(eve.create_pull, SHOP, head="x", base="main", title="x") == 403


def test_a_writer_may_not_change_protection(forge, shop):
    assert refused(forge.oneshot.set_protection, SHOP, "main", contexts=["ci"]) == 403


def test_a_stranger_does_not_learn_that_a_repository_exists(forge, shop):
    assert refused(forge.as_("nobody").ask, "GET", REPOSITORY) == 404
    assert refused(forge.as_("eve").ask, "GET", "/api/v3/repos/acme/none") == 404


def test_only_an_admin_of_the_forge_reaches_its_controls(forge, shop):
    assert refused(forge.oneshot.requests) == 403
    assert refused(forge.oneshot.create_repository, "acme/other") == 403


@pytest.mark.parametrize("name", ["acme/..", "../x", "acme/a/b", "acme/.git", "acme", "acme/x.git"])
def test_a_name_that_leaves_the_home_is_refused(forge, name):
    assert refused(forge.ada.create_repository, name) == 422


def test_git_clones_and_pushes_with_a_token(forge, shop, tmp_path):
    git("clone", "-q", forge.remote("eve"), str(tmp_path / "copy"), cwd=tmp_path)
    assert (tmp_path / "copy/README").read_text() == "a shop\n"
    sha = shop.push_branch("topic", {"a": "1\n"})
    assert forge.ada.branch_sha(SHOP, "topic") == sha


@pytest.mark.parametrize(
    ("login", "said"), [(None, "could not read Username"), ("nobody", "not found"), ("eve", "403")]
)
def test_git_refuses_a_push_without_the_right(forge, shop, login, said):
    shop.branch("topic")
    shop.remote = forge.remote(login)
    done = shop.push("topic", check=False)
    assert done.returncode != 0
    assert said in done.stderr
    assert refused(forge.ada.branch_sha, SHOP, "topic") == 404


def test_git_refuses_to_read_without_a_token(forge, shop, tmp_path):
    assert git("ls-remote", forge.remote(None), cwd=tmp_path, check=False).returncode != 0
    assert httpx.get(f"{forge.url}/{SHOP}.git/info/refs?service=git-upload-pack").status_code == 401


def test_a_protected_branch_takes_no_push_of_a_writer(forge, shop):
    forge.ada.set_protection(SHOP, "main", contexts=["ci"], enforce_admins=False)
    shop.commit({"b": "1\n"})
    shop.remote = forge.remote("oneshot")
    done = shop.push("HEAD:main", check=False)
    assert "Protected branch update failed for refs/heads/main" in done.stderr
    shop.remote = forge.remote("ada")
    assert shop.push("HEAD:main").returncode == 0


def test_many_clones_at_once_all_succeed(forge, shop, tmp_path):
    clones = [
        subprocess.Popen(["git", "clone", "-q", forge.remote("eve"), str(tmp_path / f"c{i}")], stderr=subprocess.PIPE)
        for i in range(20)
    ]
    assert [c.wait(timeout=60) for c in clones] == [0] * 20
    for clone in clones:
        clone.stderr.close()


def test_a_large_push_arrives_whole(forge, shop):
    shop.branch("large")
    (shop.folder / "noise").write_bytes(open("/dev/urandom", "rb").read(30 * 2**20))  # noqa: PTH123, SIM115
    sha = shop.commit({})
    shop.push("large")
    assert git("rev-parse", "large", cwd=forge.bare()).stdout.strip() == sha
    assert git("fsck", "--no-dangling", cwd=forge.bare()).returncode == 0


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}, {"host": "127.0.0.1:1"}],
)
def test_a_foreign_page_is_refused(forge, shop, headers):
    assert httpx.get(forge.url + "/", headers=headers).status_code == 403


def test_a_taken_port_is_refused_with_one_line(forge, tmp_path):
    people = forge.home / "people.json"
    argv = [sys.executable, "-m", "oneshot_dagster.local.forge", "--home", str(tmp_path / "other")]
    argv += ["--port", str(forge.port), "--people", str(people)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"port {forge.port}" in done.stderr


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("{}", "names nobody"),
        ("[", "Expecting value"),
        ('{"ada": {"permissions": {}}}', "ada: has no token"),
        ('{"ada": {"token": "x", "permissions": {"*": "all"}}}', "ada: permissions must map"),
    ],
)
def test_people_that_make_no_sense_are_refused_with_one_line(tmp_path, people, said):
    file = tmp_path / "people.json"
    file.write_text(people)
    argv = [
        sys.executable,
        "-m",
        "oneshot_dagster.local.forge",
        "--home",
        str(tmp_path / "home"),
        "--people",
        str(file),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert said in done.stderr


def test_a_branch_of_any_name_that_git_takes_is_served_and_a_path_is_not(forge, shop):
    sha = shop.push_branch("codex/größe,50%", {"a": "1\n"})
    assert forge.ada.branch_sha(SHOP, "codex/größe,50%25") == sha
    assert refused(forge.ada.branch_sha, SHOP, "%2e%2e/%2e%2e/config") == 404
