"""An application as Argo CD's API tells of it (`v1alpha1Application`), read into a value. Pure.
Field by field: what is of the wrong kind is WrongShape, what Argo CD leaves out stands empty."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

_FAILED = frozenset({"Failed", "Error"})
_RUNNING = frozenset({"Running", "Terminating"})
_OWNER_AND_NAME = re.compile(r"[/:]([^/:]+/[^/:]+?)(?:\.git)?/?$")


class WrongShape(ValueError):
    """Says which field is not as Argo CD describes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """The last sync or rollback. `revisions` are what it went for, a revision a source."""

    phase: str
    message: str
    revisions: tuple[str, ...]
    finished_at: datetime | None

    @property
    def failed(self) -> bool:
        return self.phase in _FAILED


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """One entry of the history: what was synced with success."""

    id: int
    revisions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """`target` is what the live state was compared with, `history` oldest first, `repositories` one a source.

    `requested`: an operation was asked for that Argo CD has not begun.
    """

    name: str
    namespace: str
    project: str
    repositories: tuple[str, ...]
    automated: bool
    sync: str
    target: tuple[str, ...]
    health: str
    health_message: str
    health_since: datetime | None
    operation: Operation | None
    requested: bool
    history: tuple[Past, ...]
    reconciled_at: datetime | None
    errors: tuple[str, ...]

    @property
    def live(self) -> tuple[str, ...]:
        """What runs: compared and found equal, else what was synced last."""
        if self.sync == "Synced":
            return self.target
        return self.history[-1].revisions if self.history else ()

    @property
    def busy(self) -> bool:
        """An operation is on its way, or is over and Argo CD did not look since: its health is still that of before."""
        operation = self.operation
        if self.requested or operation is None or operation.phase in _RUNNING:
            return self.requested or operation is not None
        if operation.finished_at is None:
            return False
        return self.reconciled_at is None or self.reconciled_at < operation.finished_at

    @property
    def settled(self) -> bool:
        """Runs just what `live` says. Out of sync with another revision is that too; out of sync with its own has drifted."""
        return self.sync == "Synced" or (self.sync == "OutOfSync" and bool(self.live) and self.live != self.target)

    def source_of(self, repository: str) -> int | None:
        """Which source is that repository, `owner/name`; on which host it lies is not asked."""
        wanted = repository.lower()
        return next((n for n, url in enumerate(self.repositories) if owner_and_name(url) == wanted), None)


def owner_and_name(url: str) -> str:
    """Of a clone URL, `https://host/owner/name.git` or `git@host:owner/name.git`."""
    found = _OWNER_AND_NAME.search(url)
    return found[1].lower() if found else ""


def read_application(body: object) -> Application:
    """Raises WrongShape."""
    whole = _mapping(body, "the answer")
    metadata, spec, status = (_inner(whole, key) for key in ("metadata", "spec", "status"))
    sync, health = _inner(status, "sync"), _inner(status, "health")
    name = _text(metadata, "name")
    if not name or not spec:
        raise WrongShape("it is no application: metadata.name or spec is missing")
    return Application(
        name=name,
        namespace=_text(metadata, "namespace"),
        project=_text(spec, "project"),
        repositories=_repositories(spec),
        automated=_automated(spec),
        sync=_text(sync, "status") or "Unknown",
        target=_revisions(sync),
        health=_text(health, "status") or "Unknown",
        health_message=_text(health, "message"),
        health_since=_time(health, "lastTransitionTime"),
        operation=_operation(status),
        requested=bool(_inner(whole, "operation")),
        history=tuple(_past(entry) for entry in objects(status, "history")),
        reconciled_at=_time(status, "reconciledAt"),
        errors=_errors(status),
    )


def _repositories(spec: Mapping[str, Any]) -> tuple[str, ...]:
    several = objects(spec, "sources")
    return tuple(_text(source, "repoURL") for source in several or [_inner(spec, "source")])


def _automated(spec: Mapping[str, Any]) -> bool:
    """`automated: {}` is on; only `enabled: false` in it is off."""
    policy = _inner(spec, "syncPolicy")
    return policy.get("automated") is not None and _inner(policy, "automated").get("enabled") is not False


def _operation(status: Mapping[str, Any]) -> Operation | None:
    state = _inner(status, "operationState")
    if not state:
        return None
    result, asked = _inner(state, "syncResult"), _inner(_inner(state, "operation"), "sync")
    return Operation(
        phase=_text(state, "phase"),
        message=_text(state, "message"),
        revisions=_revisions(result) or _revisions(asked),
        finished_at=_time(state, "finishedAt"),
    )


def _past(entry: Mapping[str, Any]) -> Past:
    found = entry.get("id", 0)
    if not isinstance(found, int | str) or isinstance(found, bool) or not str(found).isdecimal():
        raise WrongShape(f"status.history[].id is {str(found)[:40]!r}")
    return Past(id=int(found), revisions=_revisions(entry))


def _errors(status: Mapping[str, Any]) -> tuple[str, ...]:
    conditions = objects(status, "conditions")
    return tuple(_text(c, "message") for c in conditions if _text(c, "type").endswith("Error"))


def _revisions(where: Mapping[str, Any]) -> tuple[str, ...]:
    """`revisions` of an application with several sources, else `revision`."""
    several = cast("object", where.get("revisions") or [])
    found = cast("list[object]", several) if isinstance(several, list) else [None]
    texts = tuple(one for one in found if isinstance(one, str))
    if len(texts) != len(found):
        raise WrongShape("revisions is no list of texts")
    one = _text(where, "revision")
    return texts or ((one,) if one else ())


def _time(where: Mapping[str, Any], key: str) -> datetime | None:
    text = _text(where, key)
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise WrongShape(f"{key} is no time: {text[:40]!r}") from None
    if found is not None and found.tzinfo is None:
        raise WrongShape(f"{key} is in no time zone: {text[:40]!r}")
    return found


def _text(where: Mapping[str, Any], key: str) -> str:
    value = where.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongShape(f"{key} is no text")
    return value


def _inner(where: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = where.get(key)
    return {} if value is None else _mapping(value, key)


def objects(where: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """None is an empty list, as Go writes it. Raises WrongShape."""
    value = where.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrongShape(f"{key} is no list")
    return [_mapping(item, key) for item in cast("list[object]", value)]


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongShape(f"{what} is no object")
    return cast("Mapping[str, Any]", value)
