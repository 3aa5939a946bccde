"""A change on the world that Argo CD deploys: parked while it comes, and taken no further where it does not."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import people
import pytest
from fault_matrix import Inline
from world_fixtures import Engine, World, _start, served

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import Refusal
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes

TOKEN = "argocd-token-for-tests"
PATIENCE = 60.0
ROLLBACK = "/api/v1/applications/shop/rollback"


@dataclass
class Shop:
    """`url` is the stand-in's; `said` what the resumer said."""

    world: World
    url: str
    engine: Engine
    launcher: Inline
    said: list[str] = field(default_factory=list)

    def put(self, **given: object) -> None:
        body = {"name": "shop", "repo_url": f"{self.world.url}/acme/shop.git", **given}
        httpx.put(f"{self.url}/_argocd/applications", json=body, timeout=5).raise_for_status()

    def fault(self, kind: str, call: str = "GET /api/v1/applications/shop", **given: object) -> None:
        body = {"pattern": call, "kind": kind, **given} if kind else {}
        httpx.put(f"{self.url}/_argocd/fault", json=body, timeout=5).raise_for_status()

    def calls(self) -> list[str]:
        """That were made to Argo CD."""
        return httpx.get(f"{self.url}/_argocd", timeout=5).json()["calls"]

    def take_in(self, kind: Issue = Issue.HAPPY, *, seed: int = 1) -> ChangeKey:
        key, _ = self.world.plant(kind, seed)
        take_in(self.engine.services, key, base=None, prompt="", by="ada")
        return key

    def until(self, key: ChangeKey, wanted: Callable[[Attempt], bool], *, patience: float = PATIENCE) -> Attempt:
        deadline = time.monotonic() + patience
        while True:
            attempt = self.engine.attempt(key)
            if wanted(attempt):
                return attempt
            assert time.monotonic() < deadline, (attempt.state, attempt.reason, self.said[-5:], self.launcher.said[-5:])
            self.said += continue_changes(self.engine.services, self.launcher, only=key)
            time.sleep(0.05)

    def statuses(self, sha: str | None) -> list[list[str]]:
        """Of each GitHub Deployment of that commit, oldest first; the same one said twice (the evidence's head is) counts once."""
        found = self.world.forge.api("GET", "acme/shop", "/deployments", sha=sha or "")
        paths = [f"/deployments/{one['id']}/statuses" for one in found]
        said = [[s["state"] for s in reversed(self.world.forge.api("GET", "acme/shop", path))] for path in paths]
        return [[state for state, _ in itertools.groupby(states)] for states in said]

    def started_under(self, attempt: Attempt) -> int | None:
        """The lane's epoch."""
        writes = self.engine.services.store.writes.of(attempt.key)
        starts = [w for w in writes if w.attempt_id == attempt.id and w.action == "start_deployment"]
        return starts[-1].lane_epoch

    def retry(self, key: ChangeKey) -> None:
        self.engine.services.store.requests.add(self.engine.attempt(key).id, kind="retry", by="ada")


def parked(attempt: Attempt) -> bool:
    return attempt.state is State.DEPLOYING and attempt.awaited is not None


def policy(world: World, **deploy: str) -> None:
    """The shop's policy, deployed by Argo CD."""
    text = people.policy(world)
    section = "\n".join(
        ["[deploy]", 'kind = "argocd"', 'application = "shop"', f'url = "{world.shop_url}"']
        + [f"{key} = {value}" for key, value in deploy.items()]
    )
    people.push(
        world,
        "main",
        {".oneshot.toml": text[: text.index("[deploy]")] + section + "\n\n" + text[text.index("[verify]") :]},
    )


@pytest.fixture
def shop(world: World, engine: Callable[..., Engine]) -> Iterator[Shop]:
    token = world.home / "argocd-token"
    token.write_text(TOKEN)
    process, url = _start(
        world.home / "argocd.log",
        "oneshot_dagster.local.argocd",
        *("--home", str(world.home / "argocd"), "--port", "0", "--token-file", str(token)),
        *("--git-token-file", str(world.home / "owner-token")),
    )
    one = engine(hold_seconds=0.0, argocd={"url": url, "token_file": str(token)})
    found = Shop(world=world, url=url, engine=one, launcher=Inline(one.services))
    policy(world, timeout='"1m"')
    found.put(serve=world.shop_url)
    yield found
    process.terminate()
    process.wait(30)


def test_a_change_is_deployed_by_argo_cd_parked_while_it_comes(shop: Shop) -> None:
    key = shop.take_in()
    shop.put(traps={"health": "Progressing"})
    waiting = shop.until(key, parked)
    assert waiting.awaited is not None
    assert waiting.awaited.what == "deployment"
    assert shop.statuses(waiting.merge_sha) == [["in_progress"]]
    shop.put(traps={"health": "Healthy"})
    done = shop.until(key, lambda attempt: attempt.evidence_head is not None)
    assert (done.state, done.deployed_sha, done.infrastructure_retries) == (State.COMPLETED, waiting.merge_sha, 0)
    assert served(shop.world.shop_url)["revision"] == done.merge_sha
    assert shop.statuses(done.merge_sha) == [["in_progress", "success"]]
    assert any("the deployment is" in said for said in shop.said)
    record = shop.engine.services.store.artifacts.records(done.id)["deployment"].record
    assert (record.shown["kind"], record.shown["observed_revision"]) == ("argocd", done.merge_sha)


def test_the_next_change_makes_the_deployment_before_it_inactive(shop: Shop) -> None:
    first = shop.until(shop.take_in(), lambda attempt: attempt.evidence_head is not None)
    second = shop.until(shop.take_in(seed=2), lambda attempt: attempt.evidence_head is not None)
    assert (first.state, second.state) == (State.COMPLETED, State.COMPLETED), (first.reason, second.reason)
    assert shop.statuses(first.merge_sha) == [["in_progress", "success", "inactive"]]
    assert shop.statuses(second.merge_sha) == [["in_progress", "success"]]


def test_a_failed_sync_fails_the_deployment(shop: Shop) -> None:
    key = shop.take_in()
    shop.put(traps={"sync_fails": True})
    ended = shop.until(
        key,
        lambda attempt: (
            attempt.state not in {State.DEPLOYING}
            and attempt.merge_sha is not None
            and attempt.state is not State.MERGED
        ),
    )
    assert "one or more objects failed to apply" in ended.reason
    assert shop.statuses(ended.merge_sha) == [["in_progress", "failure"]]
    found = shop.engine.services.store.artifacts.evaluations(ended.id)[-1]
    assert found.reasons["error"] == "post_deploy_failed"


def test_out_of_sync_for_ever_fails_at_the_deadline(shop: Shop) -> None:
    policy(shop.world, timeout='"2s"')
    key = shop.take_in()
    shop.put(traps={"drifts": True})
    ended = shop.until(key, lambda attempt: attempt.state in {State.NEEDS_HUMAN, State.ROLLING_BACK})
    assert "was not deployed within" in ended.reason
    assert "OutOfSync" in ended.reason
    assert shop.statuses(ended.merge_sha) == [["in_progress", "failure"]]


def test_a_sync_is_asked_for_once_the_window_is_open(shop: Shop) -> None:
    policy(shop.world, timeout='"1m"', sync="true")
    first = shop.take_in()
    shop.put(automated=False, traps={"window": True})
    waiting = shop.until(first, parked)
    assert "sync window" in waiting.reason
    shop.put(traps={"window": False})
    done = shop.until(first, lambda attempt: attempt.evidence_head is not None)
    assert (done.state, done.infrastructure_retries) == (State.COMPLETED, 0)
    starts = [w for w in shop.engine.services.store.writes.of(first) if w.action == "start_deployment"]
    assert [w.outcome for w in starts] == ["refused"] * (len(starts) - 1) + ["done"]


def finished(attempt: Attempt) -> bool:
    return attempt.evidence_head is not None and attempt.state in {State.COMPLETED, State.NEEDS_HUMAN}


def test_what_fails_there_is_brought_back_by_the_history_once_though_the_answer_is_lost_and_reverted(
    shop: Shop,
) -> None:
    policy(shop.world, timeout='"1m"', sync="true")
    shop.put(automated=False)
    first = shop.until(shop.take_in(), finished)
    shop.fault("cut", f"^POST {ROLLBACK}", times=1)
    last = shop.until(shop.take_in(Issue.BAD_DEPLOY, seed=2), finished, patience=150)
    broken, revert, again = shop.engine.services.store.runs.all_of(last.key)
    assert (first.state, again.state, revert.kind) == (State.COMPLETED, State.COMPLETED, Kind.REVERT), again.reason
    undone = [w for w in shop.engine.services.store.writes.of(last.key) if w.action == "undo"]
    assert [(w.outcome, w.result["revision"]) for w in undone] == [("done", first.merge_sha)]
    assert [w.lane_epoch for w in undone] == [shop.started_under(broken) + 1]
    assert [call for call in shop.calls() if ROLLBACK in call] == [f"POST {ROLLBACK}"]
    starts = [start["sha"] for start in served(shop.world.shop_url)["starts"]]
    assert starts[-4:] == [broken.merge_sha, first.merge_sha, revert.merge_sha, again.merge_sha]
    assert shop.statuses(broken.merge_sha) == [["in_progress", "success", "failure"]]
    assert shop.statuses(first.merge_sha) == [["in_progress", "success", "inactive", "success", "inactive"]]


def test_what_syncs_by_itself_is_taken_back_by_its_revert_alone(shop: Shop) -> None:
    first = shop.until(shop.take_in(), finished)
    last = shop.until(shop.take_in(Issue.BAD_DEPLOY, seed=2), finished, patience=150)
    broken, revert, again = shop.engine.services.store.runs.all_of(last.key)
    assert (first.state, again.state, revert.kind) == (State.COMPLETED, State.COMPLETED, Kind.REVERT), again.reason
    assert not [w for w in shop.engine.services.store.writes.of(last.key) if w.action == "undo"]
    moves = [step.reason for step in shop.engine.services.store.runs.transitions(broken.id)]
    assert any("syncs by itself" in reason for reason in moves)
    # Raised where nothing could be brought back too.
    assert shop.started_under(revert) == shop.started_under(broken) + 2
    assert served(shop.world.shop_url)["revision"] == again.merge_sha


def test_an_argo_cd_that_does_not_answer_is_nobodys_failure_and_a_retry_goes_on(shop: Shop) -> None:
    policy(shop.world, timeout='"2s"')
    key = shop.take_in()
    shop.fault("502")
    ended = shop.until(key, lambda attempt: attempt.state is State.NEEDS_HUMAN and attempt.evidence_head is not None)
    assert (ended.human_reason, ended.infrastructure_retries) == ("deployment_unknown", 0)
    assert shop.statuses(ended.merge_sha) == [["in_progress", "error"]]
    shop.fault("")
    shop.retry(key)
    done = shop.until(key, lambda attempt: attempt.state is State.COMPLETED)
    assert shop.statuses(done.merge_sha) == [["in_progress", "error", "in_progress", "success"]]


def test_an_argo_cd_that_is_away_while_it_is_verified_takes_nothing_back(shop: Shop) -> None:
    policy(shop.world, timeout='"15s"')
    key = shop.take_in()
    shop.put(traps={"health": "Progressing"})
    waiting = shop.until(key, parked)
    shop.put(traps={"health": "Healthy"})
    while not isinstance(shop.engine.take(Artifact.DEPLOYMENT, key), Record):
        assert shop.engine.attempt(key).state is State.DEPLOYING
    shop.fault("502")
    shop.engine.take(Artifact.VERIFICATION_REPORT, key)
    ended = shop.engine.attempt(key)
    assert (ended.state, ended.human_reason, ended.human_from) == (
        State.NEEDS_HUMAN,
        "deployment_unknown",
        State.VERIFYING,
    )
    shop.fault("")
    shop.retry(key)
    done = shop.until(key, finished)
    assert (done.state, done.merge_sha) == (State.COMPLETED, waiting.merge_sha)


def test_an_application_that_is_not_there_needs_a_person(shop: Shop) -> None:
    text = people.policy(shop.world)
    people.push(shop.world, "main", {".oneshot.toml": text.replace('application = "shop"', 'application = "shoop"')})
    ended = shop.until(shop.take_in(), lambda attempt: attempt.state is State.NEEDS_HUMAN)
    assert ended.human_reason == "argocd_refused"
    assert ended.human_from is State.DEPLOYING


def test_a_policy_that_names_argo_cd_is_refused_where_none_is_connected(
    shop: Shop, engine: Callable[..., Engine]
) -> None:
    key, _ = shop.world.plant()
    with pytest.raises(Refusal, match="ONESHOT_ARGOCD__URL") as caught:
        take_in(engine("run-2").services, key, base=None, prompt="", by="ada")
    assert caught.value.code == "deploy_not_configured"
