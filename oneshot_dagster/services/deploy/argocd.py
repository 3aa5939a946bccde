"""Deployment by Argo CD: it deploys what git says, and we look until that is the merged revision, in sync and healthy.
With `sync = true` we ask it to; bringing back goes by its history, and not where it syncs by itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from oneshot_dagster.domain.errors import BadInput, LeaseLost, NeedsHuman, TryAgain
from oneshot_dagster.services.deploy.argocd_api import ArgoCD, Name, Refused
from oneshot_dagster.services.deploy.argocd_application import Application
from oneshot_dagster.services.deploy.argocd_naming import Named, named
from oneshot_dagster.services.deploy.protocol import Observed, Target

LONGEST_DETAIL = 500
PAUSE = 1.0
_NOT_NOW = ("sync window", "already in progress")  # what Argo CD says where the same request may do later


@dataclass(frozen=True, kw_only=True)
class ArgoDeploy:
    """`degraded_for`: seconds for which health may be Degraded before it counts; some resources are on their way up."""

    api: ArgoCD
    degraded_for: float = 30.0
    pause: float = PAUSE

    @property
    def kind(self) -> str:
        return "argocd"

    def start(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """Has Argo CD look at git anew, and asks for a sync where the policy wants that. What it makes of it is observed.

        Raises NeedsHuman where it says no for good.
        """
        name = Name.parse(target.application)
        try:
            app = self._refreshed(name)
            seen, names = self._seen(name, target, app)
            if not target.sync or self.ready(target, seen, sha=sha) or app.automated:
                return seen
            return self._sync(name, target, app, names, seen, sha=sha, lane_is_ours=lane_is_ours, say=say)
        except TryAgain as error:
            return replace(self._unseen(target, str(error)), asked=not target.sync)
        except (Refused, BadInput) as error:
            raise NeedsHuman(f"deploying {name} by Argo CD: {error}", reason="argocd_refused") from None

    def observe(self, target: Target) -> Observed:
        name = Name.parse(target.application)
        try:
            return self._seen(name, target, self.api.application(name))[0]
        except (TryAgain, Refused, BadInput) as error:
            return self._unseen(target, str(error))

    def problem(self, target: Target) -> str | None:
        name = Name.parse(target.application)
        try:
            app = self.api.application(name)
            names = named(self.api, name, target, app)
            if target.sync and not app.automated and not self.api.may_sync(app):
                return f"the token may not sync {name}, which [deploy] sync asks for"
        except (Refused, BadInput) as error:
            return f"the application {name} is not there, or the token may not see it: {error}"
        follows = app.source_of(target.repository) is not None or target.trailer or target.annotation
        return None if follows else names.why

    def ready(self, target: Target, seen: Observed, *, sha: str) -> bool:
        return seen.ready and _holds(target, seen.revision, sha)

    def failed(self, target: Target, seen: Observed, *, sha: str) -> bool:
        return _holds(target, seen.broken, sha)

    def no_undo(self, target: Target, *, sha: str) -> str | None:
        name = Name.parse(target.application)
        try:
            app = self.api.application(name)
            return self._no_undo(name, target, app, sha)
        except TryAgain:
            return None
        except (Refused, BadInput) as error:
            return f"{name} cannot be looked at: {error}"

    def undo(
        self, target: Target, *, sha: str, lane_is_ours: Callable[[], bool], say: Callable[[str], None]
    ) -> Observed:
        """By the history, and looked at until it serves or `target.timeout` is over. Raises NeedsHuman where Argo CD says no."""
        name = Name.parse(target.application)
        try:
            app = self.api.application(name)
            seen, names = self._seen(name, target, app)
            if seen.ready and seen.revision == sha:
                return seen
            if app.busy and names.operation == sha:
                return self._until_back(target, sha)  # asked for before, by who may not have heard so
            past = self._past(name, target, app, sha)
            if past is None or app.automated:
                return replace(seen, broken=sha, detail=f"{self._no_undo(name, target, app, sha)}; {seen.detail}")
            if not lane_is_ours():
                raise LeaseLost(f"the lane of {target.repository} is not ours any more: nothing was brought back")
            say(f"asking Argo CD to bring {name} back to {sha[:10]} (history {past})")
            self.api.rollback(name, past=past)
        except (Refused, BadInput) as error:
            raise NeedsHuman(f"bringing {name} back to {sha[:10]}: {error}", reason="argocd_refused") from None
        return self._until_back(target, sha)

    def _refreshed(self, name: Name) -> Application:
        """Comparing may take longer than we wait; it goes on all the same."""
        try:
            return self.api.application(name, refresh=True)
        except TryAgain:
            return self.api.application(name)

    def _sync(
        self,
        name: Name,
        target: Target,
        app: Application,
        names: Named,
        seen: Observed,
        *,
        sha: str,
        lane_is_ours: Callable[[], bool],
        say: Callable[[str], None],
    ) -> Observed:
        own = app.source_of(target.repository) is not None and target.trailer is None and target.annotation is None
        revision = sha if own else names.revision
        if revision is None or not (own or _holds(target, names.wanted, sha)):
            return replace(
                seen, asked=False, detail=f"no commit that {name} follows carries {sha[:10]} yet; {seen.detail}"
            )
        if app.operation is not None and not app.operation.failed and names.operation == sha:
            return seen  # asked for already, by a run that may not have heard so
        if not lane_is_ours():
            raise LeaseLost(f"the lane of {target.repository} is not ours any more: nothing was started")
        say(f"asking Argo CD to sync {name} to {revision[:10]}")
        try:
            if len(app.repositories) > 1:
                self.api.sync_source(name, revision=revision, source=names.source)
            else:
                self.api.sync(name, revision=revision)
        except Refused as error:
            if not any(words in error.message.lower() for words in _NOT_NOW):
                raise
            return replace(seen, asked=False, detail=f"{error.message}; {seen.detail}")
        return self.observe(target)

    def _seen(self, name: Name, target: Target, app: Application) -> tuple[Observed, Named]:
        names = named(self.api, name, target, app)
        operation = app.operation
        sound = not app.busy and not (operation is not None and operation.failed)
        ready, broken = sound and app.settled and app.health == "Healthy", self._broken(app, names)
        seen = Observed(
            revision=names.live,
            ready=ready,
            url=target.url or self.api.page(name),
            detail=_detail(app, names),
            broken=broken,
            known=names.live is not None,
            settling=not ready and (broken is None or broken != names.live),
        )
        return seen, names

    def _broken(self, app: Application, names: Named) -> str | None:
        """A failed operation is not tried again by Argo CD; one that it retries is still running."""
        if app.busy:
            return None
        if app.operation is not None and app.operation.failed:
            return names.operation
        if app.health == "Degraded" and datetime.now(UTC) - _degraded_since(app) >= timedelta(
            seconds=self.degraded_for
        ):
            return names.live
        return None

    def _no_undo(self, name: Name, target: Target, app: Application, sha: str) -> str | None:
        if app.automated:
            return f"{name} syncs by itself, so that Argo CD refuses to go back; a commit brings {sha[:10]} back"
        if self._past(name, target, app, sha) is None:
            return f"the history of {name} has no {sha[:10]}"
        return None

    def _past(self, name: Name, target: Target, app: Application, sha: str) -> int | None:
        """The newest entry of the history that is just that revision. Of annotations the history knows nothing."""
        for past in reversed(app.history):
            alone = replace(app, sync="Synced", target=past.revisions, history=(past,), operation=None)
            if target.annotation is None and named(self.api, name, target, alone).live == sha:
                return past.id
        return None

    def _until_back(self, target: Target, sha: str) -> Observed:
        deadline = time.monotonic() + target.timeout
        while True:
            seen = self.observe(target)
            if (seen.ready and seen.revision == sha) or time.monotonic() + self.pause > deadline:
                return seen
            time.sleep(self.pause)

    def _unseen(self, target: Target, why: str) -> Observed:
        return Observed(revision=None, ready=False, url=target.url, detail=why[:LONGEST_DETAIL], known=False)


def _holds(target: Target, revision: str | None, sha: str) -> bool:
    return revision is not None and (revision == sha or target.contains(revision, sha))


def _degraded_since(app: Application) -> datetime:
    ended = app.operation.finished_at if app.operation else None
    known = [at for at in (app.health_since, ended) if at is not None]
    return max(known, default=datetime.max.replace(tzinfo=UTC) if app.reconciled_at is None else app.reconciled_at)


def _detail(app: Application, names: Named) -> str:
    runs = names.live[:10] if names.live else "no commit that we know"
    said = [f"{app.name} is {app.sync} and {app.health}, {runs} runs ({names.why})"]
    if app.health_message:
        said.append(app.health_message)
    if app.operation is not None:
        operation = f"its last operation is {app.operation.phase}"
        said.append(f"{operation}: {app.operation.message}" if app.operation.message else operation)
    if app.busy and app.operation is not None and app.operation.finished_at is not None:
        said.append("Argo CD did not look since")
    said += app.errors
    return " ".join("; ".join(said).split())[:LONGEST_DETAIL]
