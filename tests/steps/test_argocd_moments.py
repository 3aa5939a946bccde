"""What Argo CD says for a moment, while somebody else's commit comes or a pod is moved: it takes nothing back and proves nothing."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import people
from meanwhile import Meanwhile
from test_argocd_change import TOKEN, Shop, parked, shop  # noqa: F401
from test_verifying import verify_by

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State

QUICK = 'integration = ["true"]'


def _at_the_next_look(shop: Shop, happens: Callable[[], object]) -> None:  # noqa: F811
    services = shop.engine.services
    deploys = {kind: Meanwhile(deploy, "observe", happens) for kind, deploy in services.deploys.items()}
    shop.engine.services = replace(services, deploys=deploys)


def _until_it_syncs(shop: Shop) -> None:  # noqa: F811
    url, token = f"{shop.url}/api/v1/applications/shop", {"Authorization": f"Bearer {TOKEN}"}
    deadline = time.monotonic() + 20.0
    while httpx.get(url, headers=token, timeout=5).json()["status"]["operationState"]["phase"] != "Running":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _deployed(shop: Shop) -> ChangeKey:  # noqa: F811
    key = shop.take_in()
    shop.put(traps={"health": "Progressing"})
    shop.until(key, parked)
    shop.put(traps={"health": "Healthy"})
    while not isinstance(shop.engine.take(Artifact.DEPLOYMENT, key), Record):
        assert shop.engine.attempt(key).state is State.DEPLOYING
    return key


def test_a_foreign_sync_during_the_bake_takes_nothing_back_and_an_argo_cd_that_is_away_at_the_seal_is_waited_for(
    shop: Shop,  # noqa: F811
) -> None:
    verify_by(shop.world, QUICK, 'bake = "1s"', "baseline = false")
    key = _deployed(shop)
    ours = shop.engine.attempt(key).merge_sha

    def somebody_pushes() -> None:
        shop.put(sync_takes=3.0)
        people.push(shop.world, "main", {"README.md": "somebody else's words\n"})
        _until_it_syncs(shop)

    _at_the_next_look(shop, somebody_pushes)
    shop.engine.take(Artifact.VERIFICATION_REPORT, key)
    verified = shop.engine.attempt(key)
    assert (verified.state, verified.verified_sha) == (State.VERIFYING, ours), verified.reason
    assert any("is Running" in said for said in shop.engine.said)

    shop.fault("502")
    back = threading.Timer(3.0, shop.fault, [""])
    back.start()
    shop.engine.take(Artifact.EVIDENCE, key)
    back.join()
    done = shop.engine.attempt(key)
    assert (done.state, done.merge_sha) == (State.COMPLETED, ours), done.reason


def test_a_baseline_that_ran_while_argo_cd_synced_counts_for_nothing(shop: Shop) -> None:  # noqa: F811
    verify_by(shop.world, 'integration = ["sleep 2; false"]')
    shop.put(sync_takes=4.0)
    key = shop.take_in()
    waiting = shop.until(key, parked)
    facts = shop.engine.services.store.facts.of(waiting.id)
    assert [fact.data["verdict"] for fact in facts if fact.kind == "baseline"] == ["did_not_run"]
