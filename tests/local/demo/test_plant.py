"""The demo's world planted on the real forge: its CI, its rules, and the loop from an issue to the served change."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from contract import forge_record
from free_ports import free_ports

from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import AGENT, BASE, ENGINE, OWNER, REPOSITORY, new_issue, people, plant
from oneshot_dagster.local.forge.client import ForgeClient

SUPERVISOR = "http://127.0.0.1:4321"
AS_ENGINE = ("-c", "user.name=oneshot", "-c", "user.email=oneshot@users.noreply.localhost")


@dataclass(frozen=True, kw_only=True)
class World:
    home: Path
    owner: ForgeClient
    engine: ForgeClient

    def remote(self, login: str) -> Remote:
        return Remote(url=self.owner.clone_url(REPOSITORY), token_file=self.home / f"{login}.token")

    def plant(self, supervisor_url: str = SUPERVISOR) -> str:
        scratch = self.home / "scratch"
        return plant(self.owner, remote=self.remote(OWNER), supervisor_url=supervisor_url, scratch=scratch)

    def clone(self, name: str) -> Path:
        remote = self.remote(ENGINE)
        git("clone", "--quiet", remote.url, name, cwd=self.home, remote=remote)
        return self.home / name

    def push(self, work: Path, branch: str) -> str:
        git("add", "--all", cwd=work)
        git(*AS_ENGINE, "commit", "--quiet", "--message", "work", cwd=work)
        git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", cwd=work, remote=self.remote(ENGINE))
        return git("rev-parse", "HEAD", cwd=work).strip()

    def ci(self, sha: str) -> dict[str, object]:
        for _ in range(400):
            for run in self.engine.check_runs(REPOSITORY, sha):
                if run["name"] == "ci" and run["status"] == "completed":
                    return run
            time.sleep(0.05)
        raise AssertionError("CI did not end")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    known = people(owner_token="owner-token", engine_token="engine-token")
    (tmp_path / "people.json").write_text(json.dumps(known))
    for login in (OWNER, ENGINE):
        (tmp_path / f"{login}.token").write_text(str(known[login]["token"]))
    (port,) = free_ports()
    forge_record.begin(tmp_path / "forge")
    forge = subprocess.Popen(
        [
            *(sys.executable, "-m", "oneshot_dagster.local.forge", "--home", str(tmp_path / "forge")),
            *("--port", str(port), "--people", str(tmp_path / "people.json"), "--owner", OWNER),
        ],
        stdout=subprocess.DEVNULL,
    )
    clients = [ForgeClient(f"http://127.0.0.1:{port}", str(known[login]["token"])) for login in (OWNER, ENGINE)]
    try:
        clients[0].wait_ready()
        yield World(home=tmp_path, owner=clients[0], engine=clients[1])
    finally:
        forge.terminate()
        forge.wait(timeout=20)
        for client in clients:
            client.close()
    forge_record.check(tmp_path / "forge")


def agent(work: Path, prompt: str) -> None:
    subprocess.run([sys.executable, "-I", str(AGENT)], cwd=work, input=prompt.encode(), check=True, timeout=30)


def text(forge: ForgeClient, number: int) -> str:
    issue = forge.issue(REPOSITORY, number)
    return f"{issue['title']}\n\n{issue['body']}"


def test_planting_twice_is_planting_once(world: World) -> None:
    first = world.plant()
    assert world.plant() == first
    assert world.owner.branch_sha(REPOSITORY, BASE) == first
    shop = world.clone("shop")
    assert (shop / "deploy.sh").stat().st_mode & 0o111
    assert SUPERVISOR in (shop / ".oneshot.toml").read_text()
    assert "@" not in (shop / ".oneshot.toml").read_text()


def test_a_supervisor_that_moved_is_followed(world: World) -> None:
    first = world.plant()
    moved = world.plant("http://127.0.0.1:4999")
    assert moved != first
    policy = (world.clone("shop") / ".oneshot.toml").read_text()
    assert (policy.count("4999"), policy.count("4321")) == (2, 0)


def test_the_base_needs_ci_and_refuses_a_push_of_the_engine(world: World) -> None:
    world.plant()
    rule = world.owner.api("GET", REPOSITORY, f"/branches/{BASE}/protection")
    assert rule["required_status_checks"]["contexts"] == ["ci"]
    shop = world.clone("shop")
    (shop / "x").write_text("x")
    with pytest.raises(Exception, match="push failed"):
        world.push(shop, BASE)


def test_a_rule_that_a_person_changed_is_left_alone(world: World) -> None:
    world.plant()
    world.owner.set_protection(REPOSITORY, BASE, contexts=["ci"], approvals=1)
    world.plant()
    rule = world.owner.api("GET", REPOSITORY, f"/branches/{BASE}/protection")
    assert rule["required_pull_request_reviews"]["required_approving_review_count"] == 1


def test_issues_are_opened_with_numbers_of_their_own(world: World) -> None:
    world.plant()
    same_seed = [new_issue(world.owner, Kind.HAPPY, Random(1)) for _ in range(3)]
    assert [issue.number for issue in same_seed] == [1, 2, 3]
    assert len({issue.expectation for issue in same_seed}) == 3
    assert world.owner.issue(REPOSITORY, 2)["title"] == same_seed[1].title


def test_red_first_fails_real_ci_and_its_log_cures_it(world: World) -> None:
    world.plant()
    issue = new_issue(world.owner, Kind.RED_FIRST, Random(3))
    shop = world.clone("shop")
    agent(shop, text(world.owner, issue.number))
    sha = world.push(shop, "codex/issue-1")
    world.engine.create_pull(REPOSITORY, head="codex/issue-1", base=BASE, title="it")
    failed = world.ci(sha)
    assert failed["conclusion"] == "failure"
    log = world.owner.job_log(REPOSITORY, failed["id"])
    assert "broken promise" in log
    agent(shop, f"{text(world.owner, issue.number)}\n\nfailed: ci\n{log}")
    assert world.ci(world.push(shop, "codex/issue-1"))["conclusion"] == "success"


def test_a_merged_patch_is_served_and_behaves_as_asked(world: World) -> None:
    (port,) = free_ports()
    base = world.plant(f"http://127.0.0.1:{port}")
    issue = new_issue(world.owner, Kind.HAPPY, Random(4))
    shop = world.clone("shop")
    agent(shop, text(world.owner, issue.number))
    sha = world.push(shop, "codex/issue-1")
    number = world.engine.create_pull(REPOSITORY, head="codex/issue-1", base=BASE, title="it")["number"]
    assert world.ci(sha)["conclusion"] == "success"
    landed = world.owner.merge_as_person(REPOSITORY, number, sha=sha)
    remote = world.remote(ENGINE)
    supervisor = subprocess.Popen(
        [
            *(sys.executable, "-m", "oneshot_dagster.local.demo.supervisor", "--home", str(world.home / "host")),
            *("--port", str(port), "--git-url", remote.url, "--token-file", str(remote.token_file)),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline().startswith(b"ready ")
        url = f"http://127.0.0.1:{port}"
        env = {"PATH": "/usr/bin:/bin", "SUPERVISOR_URL": url}
        subprocess.run(["./deploy.sh", base], cwd=shop, env=env, check=True, timeout=60)
        assert not issue.check(url).ok
        subprocess.run(["./deploy.sh", landed], cwd=shop, env=env, check=True, timeout=60)
        assert issue.check(url).ok, issue.check(url).sentence
    finally:
        supervisor.terminate()
        supervisor.communicate(timeout=20)


def test_no_token_stands_in_a_folder_that_git_made(world: World) -> None:
    world.plant()
    shop = world.clone("shop")
    found = subprocess.run(["grep", "-r", "engine-token", str(shop)], check=False, capture_output=True)
    assert found.returncode == 1
