"""What keeps what stood before from serving again at once: a GitHub or a host that is away, a service that names no commit."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from people import policy, push
from test_verifying import verify_by
from world_facts import tip
from world_fixtures import Engine, World, served

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.plant import ENGINE

MERGED = tuple(Artifact)[: tuple(Artifact).index(Artifact.DEPLOYMENT)]


def _failures(one: Engine, key: ChangeKey) -> list[str]:
    found = one.services.store.artifacts.evaluations(one.attempt(key).id)
    return [str(e.reasons["detail"]) for e in found if e.reasons.get("error") == "post_deploy_failed"]


def started_by(world: World, *lines: str, url: str = "") -> None:
    """The policy's start lines; DEPLOY in one is the demo's own."""
    own = policy(world).replace(world.shop_url, url) if url else policy(world)
    before, _, rest = own.partition("start = ")
    its, _, after = rest.partition("\n")
    deploy = its.strip('[]"')
    start = ", ".join(f"'{line.replace('DEPLOY', deploy)}'" for line in lines)
    push(world, "main", {".oneshot.toml": f"{before}start = [{start}]\n{after}"})


def test_a_failed_deployment_is_restored_while_github_does_not_answer_and_the_host_is_away_for_3_s(world, engine):
    before, failed_at = tip(world), world.home / "failed-at"
    serving.deploy(world.shop_url, before)
    host = f"test {{sha}} != {before} || test $(date +%s) -ge $(($(cat {failed_at}) + 3))"
    started_by(world, host, "DEPLOY", f"test {{sha}} = {before} || {{ date +%s > {failed_at}; false; }}")
    key, _ = world.plant()
    one = engine()
    one.run(key, *MERGED)
    world.forge.arm("502_before", method="POST", path="/deployments/[0-9]+/statuses$", login=ENGINE, nth=2, times=1000)
    one.take(Artifact.DEPLOYMENT, key)
    broken = one.attempt(key)
    assert len(_failures(one, key)) == 1
    assert broken.state is State.ROLLING_BACK, broken.reason
    assert serving.deployed(world.shop_url) == [before, broken.merge_sha, before]
    assert served(world.shop_url)["revision"] == before


class Named(ThreadingHTTPServer):
    """A service that says what stands in a file as its revision."""

    def __init__(self, file: Path) -> None:
        super().__init__(("127.0.0.1", 0), Says)
        self.file = file

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Says(BaseHTTPRequestHandler):
    server: Named

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Revision", self.server.file.read_text().strip())
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Named]:
    with Named(tmp_path / "revision") as serving_it:
        threading.Thread(target=serving_it.serve_forever, daemon=True).start()
        yield serving_it
        serving_it.shutdown()


@pytest.mark.parametrize("revision", ["shop:1.4.2", "main"])
def test_a_service_that_names_its_revision_by_no_commit_has_no_baseline_and_is_deployed_and_taken_back(
    world, engine, named, revision
):
    named.file.write_text(revision)
    verify_by(world, 'integration = ["false"]')
    started_by(world, f"echo {{sha}} > {named.file}", url=named.url)
    key, _ = world.plant()
    one = engine()
    one.run(key)
    broken = one.attempt(key)
    assert broken.state is State.ROLLING_BACK, one.said
    assert named.file.read_text().strip() == broken.deployed_sha
    assert "nothing was restored: no earlier revision is on record" in broken.reason
    facts = one.services.store.facts.of(broken.id)
    assert [f.data["verdict"] for f in facts if f.kind == "baseline"] == ["did_not_run"]
