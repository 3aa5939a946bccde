"""Calls to Argo CD with faults, of a change that it deploys, that fails there, is brought back by its history and reverted.
Argo CD is silent, refuses, breaks off, or names another commit than the true one, once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import httpx
from fault_calls import Call
from fault_matrix import Matrix
from rollback_matrix import TakenBack
from test_argocd_change import Shop, policy

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.settings import Settings

FAULTS: Mapping[str, Mapping[str, str]] = {
    "502": {"kind": "502"},
    "403": {"kind": "403"},
    "slow": {"kind": "slow"},
    "cut": {"kind": "cut"},
    "a login page": {"kind": "wrong"},
    "another shape": {"kind": "shape"},
    "unknown SHA": {"kind": "wrong_sha"},
    "SHA of the base": {"kind": "wrong_sha", "sha": "{base}"},
}
OF_THE_MOMENT = {"", "502", "slow", "cut"}  # what was verified serves again all the same
MAY_STOP = {"403", "unknown SHA", "SHA of the base"}  # a person is told, and a retry goes on


class ArgoMatrix(Matrix):
    kind = Issue.BAD_DEPLOY

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.world)
        self.shop, self.fault = shop, ""
        policy(shop.world, timeout='"30s"', sync="true")
        shop.put(automated=False)
        first = shop.until(shop.take_in(seed=999), lambda attempt: attempt.evidence_head is not None)
        assert first.merge_sha, first.reason

    def new_case(self, key: ChangeKey, since: str, begins: Callable[[], None]) -> "ByArgo":
        return ByArgo(self, key, since, begins)

    def _begin(self, call: Call | None, fault: str | None, since: str) -> None:
        self._from, self.fault = len(self.shop.calls()), fault or ""
        if call is not None and fault is not None:
            where = {"pattern": call.path, "nth": call.nth, "times": 1}
            said = {name: value.replace("{base}", since) for name, value in FAULTS[fault].items()}
            httpx.put(f"{self.shop.url}/_argocd/fault", json={**where, **said}, timeout=5).raise_for_status()

    def calls_made(self) -> list[Call]:
        outcome = self._case(None, None)
        assert outcome.problems == (), outcome.problems
        seen, found = Counter[str](), list[Call]()
        for line in self.shop.calls()[self._from :]:
            kind = line.partition("?")[0]
            seen[kind] += 1
            method, _, path = kind.partition(" ")
            found.append(Call(method=method, kind=path, path=f"^{re.escape(kind)}$", graphql="", nth=seen[kind]))
        return found

    def _hit(self) -> bool:
        return True  # how often Argo CD is looked at is a matter of time

    def _may_stop(self, fault: str | None) -> bool:
        return fault in MAY_STOP

    def _mended(self) -> None:
        self.shop.fault("")


class ByArgo(TakenBack):
    from_ = Artifact.DEPLOYMENT
    patience = 150.0

    def __init__(self, matrix: ArgoMatrix, key: ChangeKey, since: str, begins: Callable[[], None]) -> None:
        self.matrix, self.shop = matrix, matrix.shop
        super().__init__(matrix.world, key, since, begins)

    def settings(self) -> Settings:
        argocd = {"url": self.shop.url, "token_file": str(self.world.home / "argocd-token"), "timeout_seconds": 2}
        return self.world.settings(budget={"infrastructure_retries": 2}, hold_seconds=0.0, argocd=argocd)

    def _well_started(self, attempts: Sequence[Attempt]) -> bool:
        """What Argo CD refused to bring back, or said untruly, is taken back by the revert alone."""
        broken, revert = attempts
        starts = self._started(3)
        stood = {self.verified} if self.matrix.fault in OF_THE_MOMENT else {self.verified, broken.merge_sha}
        return starts[-1] == revert.merge_sha and starts[-2] in stood
