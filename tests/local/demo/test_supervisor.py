"""The deploy supervisor as the process it is, over a real git repository of the real shop."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from free_ports import free_ports

import oneshot_dagster.local.demo
from oneshot_dagster.services.deploy.command import CommandDeploy
from oneshot_dagster.services.deploy.protocol import Target

SHOP = Path(oneshot_dagster.local.demo.__file__).parent / "shop"
AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.example")


def git(cwd: Path, *argv: str) -> str:
    return subprocess.run(
        ["git", *argv], cwd=cwd, check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


def commit(work: Path, message: str) -> str:
    git(work, "add", "--all")
    git(work, *AUTHOR, "commit", "--quiet", "--message", message)
    git(work, "push", "--quiet", "origin", "HEAD:refs/heads/main")
    return git(work, "rev-parse", "HEAD")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "shop.git")
    shutil.copytree(SHOP, tmp_path / "work")
    git(tmp_path / "work", "init", "--quiet", ".")
    git(tmp_path / "work", "remote", "add", "origin", str(tmp_path / "shop.git"))
    return tmp_path / "work"


class Supervisor:
    def __init__(self, home: Path, port: int, git_url: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        (home / "token").write_text("none needed")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "oneshot_dagster.local.demo.supervisor", "--home", str(home / "host")),
                *("--port", str(port), "--git-url", git_url, "--token-file", str(home / "token")),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process.communicate()
        return code

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        return told(httpx.get(self.url + path, timeout=30))

    def deploy(self, body: dict[str, object] | str, **headers: str) -> tuple[int, dict[str, object]]:
        content = body if isinstance(body, str) else json.dumps(body)
        given = {"Content-Type": "application/json"} | headers
        return told(httpx.post(self.url + "/deploy", content=content, headers=given, timeout=30))

    def state(self) -> dict[str, object]:
        return self.get("/_supervisor")[1]


def told(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    return answer.status_code, answer.json()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[], Supervisor]]:
    (port,) = free_ports()
    with ExitStack() as ending:

        def begin() -> Supervisor:
            supervisor = Supervisor(tmp_path, port, str(tmp_path / "shop.git"))
            ending.callback(lambda: supervisor.process.poll() is None and supervisor.kill(signal.SIGKILL))
            assert supervisor.ready() == f"ready {supervisor.url}"
            return supervisor

        yield begin


def services(folder: Path) -> list[int]:
    """Processes that run in a folder."""
    found: list[int] = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink().is_relative_to(folder):
                found.append(int(link.parent.name))
        except OSError:
            continue
    return found


def until(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.05)
    return False


def test_a_commit_is_served_once_however_often_it_is_asked_for(work: Path, supervise: Callable[[], Supervisor]) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    assert supervisor.get("/price?sku=mug&qty=2")[0] == 503
    assert supervisor.deploy({"sha": sha}) == (200, {"revision": sha, "started": True})
    assert supervisor.deploy({"sha": sha}) == (200, {"revision": sha, "started": False})
    assert supervisor.state()["deploys"] == {sha: 1}
    assert supervisor.get("/price?sku=mug&qty=2")[1]["net_cents"] == 2400
    assert supervisor.get("/healthz")[1]["revision"] == sha


def test_many_at_once_start_it_once(work: Path, supervise: Callable[[], Supervisor]) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    asking = [threading.Thread(target=supervisor.deploy, args=({"sha": sha},)) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert supervisor.state()["deploys"] == {sha: 1}


def test_the_next_commit_takes_over_behind_the_same_url(work: Path, supervise: Callable[[], Supervisor]) -> None:
    first = commit(work, "first")
    (work / "shop/tax.py").write_text("PERCENT = 7\n")
    second = commit(work, "second")
    supervisor = supervise()
    supervisor.deploy({"sha": first})
    supervisor.deploy({"sha": second})
    assert supervisor.get("/price?sku=mug&qty=1")[1]["tax_percent"] == 7
    assert len(services(work.parent / "host" / "trees")) == 1
    assert supervisor.deploy({"sha": first})[1]["started"] is True, "back to the one before is a start"
    assert supervisor.get("/healthz")[1]["revision"] == first


def test_a_commit_that_does_not_come_up_changes_nothing(work: Path, supervise: Callable[[], Supervisor]) -> None:
    good = commit(work, "good")
    (work / "serve.sh").write_text("echo no way >&2; exit 1\n")
    bad = commit(work, "bad")
    supervisor = supervise()
    supervisor.deploy({"sha": good})
    status, body = supervisor.deploy({"sha": bad})
    assert status == 502
    assert "no way" in str(body["error"])
    assert supervisor.get("/healthz")[1]["revision"] == good
    assert supervisor.state()["deploys"] == {good: 1}


def test_after_kill_9_and_a_new_start_the_last_revision_serves_again(
    work: Path, supervise: Callable[[], Supervisor]
) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    supervisor.deploy({"sha": sha})
    supervisor.kill(signal.SIGKILL)
    assert until(lambda: services(work.parent / "host") == []), "its service ended with it"
    again = supervise()
    assert again.get("/healthz")[1]["revision"] == sha
    assert again.deploy({"sha": sha})[1]["started"] is False
    assert again.state()["deploys"] == {sha: 1}


def test_a_service_that_died_is_started_again(work: Path, supervise: Callable[[], Supervisor]) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    supervisor.deploy({"sha": sha})
    subprocess.run(["kill", "-9", *map(str, services(work.parent / "host" / "trees"))], check=True)
    assert until(lambda: supervisor.get("/healthz") == (200, {"ok": True, "revision": sha}))


def test_an_ordered_end_leaves_nothing_running(work: Path, supervise: Callable[[], Supervisor]) -> None:
    supervisor = supervise()
    supervisor.deploy({"sha": commit(work, "first")})
    assert supervisor.kill(signal.SIGTERM) == 0
    assert services(work.parent / "host") == []


def test_what_is_no_commit_is_refused(work: Path, supervise: Callable[[], Supervisor]) -> None:
    supervisor = supervise()
    commit(work, "first")
    assert supervisor.deploy({"sha": "main"})[0] == 400
    assert supervisor.deploy("[]")[0] == 400
    assert supervisor.deploy({"sha": "e" * 40})[0] == 502
    assert supervisor.state()["revision"] is None


def test_a_web_page_cannot_deploy(work: Path, supervise: Callable[[], Supervisor]) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    assert supervisor.deploy({"sha": sha}, Origin="http://evil.example")[0] == 403
    assert supervisor.deploy({"sha": sha}, **{"Content-Type": "text/plain"})[0] == 403


def test_a_taken_port_is_said_in_one_line(work: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        supervisor = Supervisor(tmp_path, taken.getsockname()[1], "none")
        _, said = supervisor.process.communicate(timeout=20)
    assert supervisor.process.returncode == 2
    assert len(said.splitlines()) == 1


def test_the_shops_own_deploy_script_goes_all_the_way(work: Path, supervise: Callable[[], Supervisor]) -> None:
    sha = commit(work, "first")
    supervisor = supervise()
    target = Target(
        repository="acme/shop",
        environment="production",
        start=(f"SUPERVISOR_URL={supervisor.url} ./deploy.sh {{sha}}",),
        url=supervisor.url,
        timeout=30,
        folder=work,
    )
    deploy = CommandDeploy(scratch=work.parent / "scratch")
    seen = deploy.start(target, sha=sha, lane_is_ours=lambda: True, say=lambda _: None)
    assert (seen.revision, seen.ready) == (sha, True)
    assert supervisor.state()["deploys"] == {sha: 1}
    refused = deploy.start(target, sha="e" * 40, lane_is_ours=lambda: True, say=lambda _: None)
    assert refused.revision == sha
    assert "answered 502" in refused.detail
