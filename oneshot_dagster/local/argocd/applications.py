"""The stand-in's applications and its controller: compares with git, syncs, and lets health come, go or never come.
What a test sets is a trap; how an application is shown is shapes.py."""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.argocd.sources import Sources

PACE = 0.05
COMPARES_EVERY = 0.5  # Argo CD's own is three minutes, or a webhook
_SETTINGS = ("repo_url", "project", "path", "target_revision", "automated", "serve", "serve_trailer", "sync_takes")
HISTORY_KEPT = 10  # Argo CD's own revisionHistoryLimit


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Traps:
    """`asleep`: compares only when asked to. `window`: closed. `health`: what it comes to, `then` after `then_after` seconds."""

    asleep: bool = False
    window: bool = False
    sync_fails: bool = False
    drifts: bool = False
    health: str = "Healthy"
    then: str = ""
    then_after: float = 1.0


@dataclass(kw_only=True)
class Operation:
    revision: str
    by: str
    started: datetime
    ends: float
    phase: str = "Running"
    message: str = "waiting for healthy state of apps/Deployment/shop"
    finished: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    id: int
    revision: str
    at: datetime
    by: str


@dataclass(kw_only=True)
class App:
    """`serve`: the address that is told which commit to serve, the demo's supervisor. Times in seconds."""

    name: str
    repo_url: str
    namespace: str = "argocd"
    project: str = "default"
    path: str = "."
    target_revision: str = "main"
    automated: bool = True
    serve: str = ""
    serve_trailer: str = ""
    sync_takes: float = 0.1
    healthy_after: float = 0.1
    traps: Traps = field(default_factory=Traps)
    target: str = ""
    live: str = ""
    sync: str = "Unknown"
    health: str = "Missing"
    health_since: datetime = field(default_factory=now)
    reconciled: datetime | None = None
    operation: Operation | None = None
    history: list[Past] = field(default_factory=list[Past])
    synced_at: float = 0.0
    compared_at: float = 0.0
    refresh: bool = True
    error: str = ""


class Refused(Exception):
    """gRPC's code and message, which the gateway turns into an HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION = 3, 7, 9


class Controller:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.lock = threading.RLock()
        self._apps: dict[tuple[str, str], App] = {}
        self._next = 0
        self._ends = threading.Event()

    def put(self, given: Mapping[str, object]) -> App:
        """A new application, or new settings and traps of one that is there."""
        with self.lock:
            key = (str(given.get("namespace", "argocd")), str(given["name"]))
            app = self._apps.get(key) or App(name=key[1], namespace=key[0], repo_url=str(given["repo_url"]))
            traps = given.get("traps")
            if isinstance(traps, dict):
                known = {f.name for f in fields(Traps)}
                for name, value in traps.items():  # pyright: ignore[reportUnknownVariableType]
                    if name not in known:
                        raise KeyError(f"no trap {name}")
                    setattr(app.traps, str(name), value)  # pyright: ignore[reportUnknownArgumentType]
            for name in _SETTINGS:
                if name in given:
                    setattr(app, name, given[name])
            self._apps[key] = app
            return app

    def find(self, name: str, namespace: str) -> App | None:
        return self._apps.get((namespace or "argocd", name))

    def all(self) -> list[App]:
        return list(self._apps.values())

    def remove(self, name: str, namespace: str) -> None:
        with self.lock:
            self._apps.pop((namespace or "argocd", name), None)

    def run(self) -> None:
        while not self._ends.wait(PACE):
            for app in self.all():
                with contextlib.suppress(TryAgain):
                    self.reconcile(app)

    def stop(self) -> None:
        self._ends.set()

    def reconcile(self, app: App) -> None:
        with self.lock:
            if app.operation is not None and app.operation.phase == "Running":
                if time.monotonic() >= app.operation.ends:
                    self._finish(app, app.operation)
                return
            due = not app.traps.asleep and time.monotonic() >= app.compared_at + COMPARES_EVERY
            if app.refresh or due:
                self._compare(app)
            self._look_at_health(app)
            self._sync_by_itself(app)

    def begin(self, app: App, revision: str, by: str) -> None:
        """What a sync and a rollback have in common. Raises Refused."""
        with self.lock:
            if app.operation is not None and app.operation.phase == "Running":
                raise Refused(FAILED_PRECONDITION, "another operation is already in progress")
            app.operation = Operation(revision=revision, by=by, started=now(), ends=time.monotonic() + app.sync_takes)

    def sync(self, app: App, revision: str, by: str) -> None:
        if app.traps.window:
            raise Refused(PERMISSION_DENIED, "cannot sync: blocked by sync window")
        if app.automated and revision not in {"", app.target_revision}:
            found = f"Cannot sync to {revision}: auto-sync currently set to {app.target_revision}"
            raise Refused(FAILED_PRECONDITION, found)
        try:
            self.begin(app, self.sources.resolve(app.repo_url, revision or app.target_revision), by)
        except TryAgain as error:
            raise Refused(FAILED_PRECONDITION, str(error)) from None

    def rollback(self, app: App, past: int, by: str) -> None:
        if app.automated:
            raise Refused(FAILED_PRECONDITION, "rollback cannot be initiated when auto-sync is enabled")
        entry = next((entry for entry in app.history if entry.id == past), None)
        if entry is None:
            raise Refused(INVALID_ARGUMENT, f"application {app.name} does not have deployment with id {past}")
        self.begin(app, entry.revision, by)

    def _finish(self, app: App, operation: Operation) -> None:
        operation.finished = now()
        failure = self._apply(app, operation.revision)
        if failure:
            operation.phase, operation.message, app.refresh = "Failed", failure, True
            return
        operation.phase, operation.message = "Succeeded", "successfully synced (all tasks run)"
        app.live, app.synced_at, app.refresh = operation.revision, time.monotonic(), True
        app.history.append(Past(id=self._next, revision=operation.revision, at=operation.finished, by=operation.by))
        app.history = app.history[-HISTORY_KEPT:]
        self._next += 1

    def _apply(self, app: App, revision: str) -> str:
        """What went wrong, or nothing."""
        if app.traps.sync_fails:
            return "one or more objects failed to apply"
        try:
            if app.serve:
                self.sources.serve(app.serve, self._served(app, revision))
        except TryAgain as error:
            return str(error)
        return ""

    def _served(self, app: App, revision: str) -> str:
        if not app.serve_trailer:
            return revision
        lines = self.sources.message(app.repo_url, revision).splitlines()
        values = [line.partition(":")[2].strip() for line in lines if line.startswith(f"{app.serve_trailer}:")]
        if not values:
            raise TryAgain(f"{revision} has no {app.serve_trailer}")
        return values[-1].rpartition("@")[2]

    def _compare(self, app: App) -> None:
        app.compared_at = time.monotonic()
        try:
            app.target, app.error = self.sources.resolve(app.repo_url, app.target_revision), ""
        except TryAgain as error:
            app.sync, app.error = "Unknown", f"failed to load target state: {error}"
            return
        same = app.live == app.target and not app.traps.drifts
        app.sync, app.reconciled, app.refresh = "Synced" if same else "OutOfSync", now(), False

    def _look_at_health(self, app: App) -> None:
        since, traps = time.monotonic() - app.synced_at, app.traps
        if not app.live:
            health = "Missing"
        elif since < app.healthy_after:
            health = "Progressing"
        else:
            health = traps.then if traps.then and since >= traps.then_after else traps.health
        if health != app.health:
            app.health, app.health_since = health, now()

    def _sync_by_itself(self, app: App) -> None:
        """A revision that failed is not tried again."""
        tried = app.operation.revision if app.operation else ""
        if app.automated and app.sync == "OutOfSync" and app.target != tried and not app.traps.window:
            self.begin(app, app.target, "automated")
