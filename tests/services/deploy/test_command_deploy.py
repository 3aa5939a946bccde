"""Start lines as real processes, readiness over real HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from oneshot_dagster.domain.errors import BadInput, LeaseLost, TryAgain
from oneshot_dagster.services.deploy.command import CommandDeploy
from oneshot_dagster.services.deploy.none import NoDeploy
from oneshot_dagster.services.deploy.protocol import Observed, Target

OLD, NEW = "a" * 40, "b" * 40


class Service(ThreadingHTTPServer):
    """Serves what stands in the file `revision`, as a header or as JSON at /healthz."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.folder, self.status, self.header = folder, 200, True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def revision(self) -> str:
        return (self.folder / "revision").read_text().strip()


class Answers(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        if self.server.header:
            self.send_header("X-Revision", self.server.revision)
        self.end_headers()
        if self.path == "/healthz":
            self.wfile.write(json.dumps({"revision": self.server.revision}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "revision").write_text(OLD)
    with Service(tmp_path) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


def target(service: Service, *start: str, timeout: float = 20.0) -> Target:
    return Target(
        repository="acme/shop",
        environment="production",
        start=start,
        url=service.url,
        timeout=timeout,
        folder=service.folder,
    )


def start(at: Target, *, sha: str = NEW, ours: bool = True, said: list[str] | None = None) -> Observed:
    deploy = CommandDeploy(scratch=at.folder / "scratch", env={"HOST_KEY": "given"})
    return deploy.start(at, sha=sha, lane_is_ours=lambda: ours, say=(said if said is not None else []).append)


def test_a_start_ends_when_the_revision_serves(service: Service) -> None:
    at = target(service, "echo asked; echo {sha} > revision")
    said: list[str] = []
    seen = start(at, said=said)
    assert (seen.revision, seen.ready) == (NEW, True)
    assert "asked" in said


def test_a_revision_said_in_json_counts_as_well(service: Service) -> None:
    service.header = False
    assert start(target(service, "echo {sha} > revision")).revision == NEW


@pytest.mark.parametrize("named", ["shop:1.4.2", "main", "1.4.2 (abc)", "v1..2", NEW[:12], NEW.upper()])
def test_what_names_no_commit_is_no_revision_and_is_said(service: Service, named: str) -> None:
    (service.folder / "revision").write_text(named)
    seen = CommandDeploy(scratch=service.folder).observe(target(service))
    assert (seen.revision, seen.ready) == (None, True)
    assert f"revision {named}, which names no commit" in seen.detail


def test_a_start_with_a_lost_lane_does_nothing(service: Service) -> None:
    at = target(service, "echo {sha} > revision; touch started")
    with pytest.raises(LeaseLost):
        start(at, ours=False)
    assert service.revision == OLD
    assert not (service.folder / "started").exists()


def test_a_lane_that_cannot_be_asked_starts_nothing(service: Service) -> None:
    def away() -> bool:
        raise TryAgain("the database is away")

    at = target(service, "touch started")
    with pytest.raises(TryAgain, match="the database is away"):
        CommandDeploy(scratch=at.folder / "scratch").start(at, sha=NEW, lane_is_ours=away, say=lambda _: None)
    assert not (service.folder / "started").exists()


def test_the_lane_is_asked_before_each_line(service: Service) -> None:
    answers = iter([True, False])
    at = target(service, "touch one", "touch two")
    with pytest.raises(LeaseLost):
        CommandDeploy(scratch=at.folder / "scratch").start(
            at, sha=NEW, lane_is_ours=lambda: next(answers), say=lambda _: None
        )
    assert (service.folder / "one").exists()
    assert not (service.folder / "two").exists()


def test_what_serves_already_is_not_started_again(service: Service) -> None:
    seen = start(target(service, "touch started"), sha=OLD)
    assert (seen.revision, seen.ready) == (OLD, True)
    assert not (service.folder / "started").exists()


def test_healthy_at_another_revision_is_not_deployed(service: Service) -> None:
    seen = start(target(service, "true", timeout=1.5))
    assert (seen.revision, seen.ready) == (OLD, True)
    assert "did not serve within" in seen.detail


def test_a_failed_line_is_observed_and_the_next_is_not_run(service: Service) -> None:
    seen = start(target(service, "echo no disk >&2; exit 7", "touch next"))
    assert seen.revision == OLD
    assert "exit code 7: no disk" in seen.detail
    assert not (service.folder / "next").exists()


def test_a_line_that_never_ends_is_stopped(service: Service) -> None:
    assert "stopped after 0.7 s" in start(target(service, "sleep 60", timeout=0.7)).detail


def test_nothing_of_ours_but_what_is_given_reaches_a_line(service: Service) -> None:
    start(target(service, "env > seen; ls -l /proc/self/fd > descriptors; echo {sha} > revision"))
    seen = (service.folder / "seen").read_text()
    assert "HOST_KEY=given" in seen
    assert "PYTEST_CURRENT_TEST" not in seen
    assert sum("pipe:" in line for line in (service.folder / "descriptors").read_text().splitlines()) <= 2


def test_a_sha_that_is_none_is_refused(service: Service) -> None:
    with pytest.raises(BadInput):
        start(target(service, "touch started"), sha="main; rm -rf x")
    assert not (service.folder / "started").exists()


def test_a_folder_that_is_gone_may_be_tried_again(service: Service) -> None:
    gone = Target(
        repository="acme/shop",
        environment="production",
        start=("true",),
        url=service.url,
        timeout=5,
        folder=service.folder / "gone",
    )
    with pytest.raises(TryAgain):
        CommandDeploy(scratch=service.folder / "scratch").start(
            gone, sha=NEW, lane_is_ours=lambda: True, say=lambda _: None
        )


def test_what_does_not_answer_or_answers_badly_is_not_ready(service: Service) -> None:
    service.status = 503
    assert not CommandDeploy(scratch=service.folder).observe(target(service)).ready
    service.server_close()
    service.shutdown()
    seen = CommandDeploy(scratch=service.folder).observe(target(service))
    assert (seen.revision, seen.ready) == (None, False)
    assert "does not answer" in seen.detail


def test_where_nothing_is_deployed_nothing_is_ready(service: Service) -> None:
    at = target(service, "touch started")
    seen = NoDeploy().start(at, sha=NEW, lane_is_ours=lambda: True, say=lambda _: None)
    assert (seen.revision, seen.ready) == (None, False)
    assert not (service.folder / "started").exists()
