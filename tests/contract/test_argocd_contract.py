"""The stand-in for Argo CD held against Argo CD's own types, in each state that it shows; and what our client reads, too."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from argo_world import TOKEN, Argo, running
from contract import argocd_types

READ = (
    "metadata", "operation", "spec.project", "spec.source.repoURL", "spec.sources.repoURL", "spec.syncPolicy.automated.enabled",
    "status.sync.status", "status.sync.revision", "status.sync.revisions", "status.health.status", "status.health.message",
    "status.health.lastTransitionTime", "status.operationState.phase", "status.operationState.message",
    "status.operationState.finishedAt", "status.operationState.syncResult.revision", "status.operationState.syncResult.revisions",
    "status.operationState.operation.sync.revision", "status.operationState.operation.sync.revisions", "status.history.id",
    "status.history.revision", "status.history.revisions", "status.reconciledAt", "status.conditions.type",
    "status.conditions.message",
)  # fmt: skip


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[Argo]:
    with running(tmp_path) as found:
        found.shop.commit("first")
        yield found


def shown(argo: Argo) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.get(f"{argo.url}/api/v1/applications/shop", headers=headers, timeout=5)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("traps", "words"),
    [
        ({}, "Synced and Healthy"),
        ({"sync_fails": True}, "operation is Failed"),
        ({"drifts": True}, "OutOfSync and Healthy"),
        ({"health": "Degraded"}, "Synced and Degraded"),
        ({"window": True}, "OutOfSync and Missing"),
    ],
)
def test_an_application_is_shown_as_argo_cds_types_have_it(argo: Argo, traps: dict[str, object], words: str) -> None:
    argo.put(traps=traps)
    assert words in argo.until(words).detail
    assert list(argocd_types.wrong(shown(argo))) == []


def test_one_whose_branch_is_not_there_is_shown_so_too(argo: Argo) -> None:
    argo.put(target_revision="nowhere")
    assert "unable to resolve" in argo.until("unable to resolve").detail
    assert list(argocd_types.wrong(shown(argo))) == []


@pytest.mark.parametrize("path", READ)
def test_what_we_read_is_what_argo_cd_has(path: str) -> None:
    assert argocd_types.has(path)


def test_what_is_not_as_the_types_say_is_found(argo: Argo) -> None:
    argo.put()
    argo.until("Synced and Healthy")
    for spoil, said in (
        (lambda app: app["status"]["sync"].pop("status"), ".status.sync.status: is required of SyncStatus"),
        (lambda app: app["spec"].update(projekt="x"), ".spec.projekt: ApplicationSpec has no such field"),
        (lambda app: app["status"]["history"][0].update(id="0"), ".status.history[0].id: '0' is no number"),
        (lambda app: app["status"].update(reconciledAt="today"), ".status.reconciledAt: 'today' is no time"),
        (lambda app: app["status"].update(history={}), ".status.history: no list"),
    ):
        app = shown(argo)
        spoil(app)
        assert said in list(argocd_types.wrong(app))
    assert not argocd_types.has("status.sync.nothing")
