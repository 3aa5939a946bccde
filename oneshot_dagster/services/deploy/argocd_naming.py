"""Which commit of the change's repository an Argo CD revision is. Where the application follows that repository, it is the
revision; where it follows another one (GitOps, image bumps), a commit's trailer or a resource's annotation names it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from oneshot_dagster.services.deploy.argocd_api import ArgoCD, Name
from oneshot_dagster.services.deploy.argocd_application import Application
from oneshot_dagster.services.deploy.protocol import Target

MOST_MESSAGES = 5  # commits looked through for a trailer, newest first: others' bumps may lie on top of ours
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMIT = re.compile(r"(?:(?P<repository>[^\s@/]+/[^\s@/]+)@)?(?P<sha>[0-9a-f]{40}(?:[0-9a-f]{24})?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Commits of the change's repository: what runs, what Argo CD goes for, what its last operation went for.

    `revision` is Argo CD's own name of what it goes for. `why` says where they come from, or why there are none.
    """

    live: str | None
    wanted: str | None
    operation: str | None
    why: str
    source: int = 0
    revision: str | None = None


def named(api: ArgoCD, name: Name, target: Target, app: Application) -> Named:
    if target.annotation is not None:
        return _by_annotation(api, name, target.annotation, target, app)
    own = app.source_of(target.repository)
    if own is not None and target.trailer is None:
        return Named(
            live=_sha(_at(app.live, own)),
            wanted=_sha(_at(app.target, own)),
            operation=_sha(_at(app.operation.revisions, own)) if app.operation else None,
            why=f"{app.name} follows {target.repository}",
            source=own,
            revision=_at(app.target, own),
        )
    if target.trailer is not None:
        return _by_trailer(api, name, target.trailer, target, app)
    others = ", ".join(app.repositories)[:300] or "no repository"
    return Named(
        live=None,
        wanted=None,
        operation=None,
        why=f"{app.name} follows {others}, not {target.repository}: let [deploy] trailer or annotation say where its commits name ours",
    )


def carried(message: str, key: str, repository: str) -> str | None:
    """The commit of `repository` that a message's trailer names, the last one where there are several."""
    found: str | None = None
    for line in message.splitlines():
        word, colon, value = line.partition(":")
        if colon and word.strip().lower() == key.lower():
            found = _commit(value, repository) or found
    return found


def annotated(resources: Iterable[Mapping[str, Any]], key: str, repository: str, *, state: str) -> set[str]:
    """Every commit of `repository` that the annotation names, on the resources or on the pods that they make."""
    found: set[str] = set()
    for resource in resources:
        try:
            shown: object = json.loads(str(resource.get(state) or "null"))
        except (ValueError, RecursionError):
            continue
        for path in (("metadata",), ("spec", "template", "metadata")):
            value = _inner(shown, (*path, "annotations", key))
            sha = _commit(value, repository) if isinstance(value, str) else None
            if sha is not None:
                found.add(sha)
    return found


def _by_trailer(api: ArgoCD, name: Name, key: str, target: Target, app: Application) -> Named:
    read: dict[str, str | None] = {}

    def of(revision: str | None) -> str | None:
        if revision is None or _sha(revision) is None:
            return None
        if revision not in read:
            message = api.revision_message(name, revision, source=source, several=len(app.repositories) > 1)
            read[revision] = carried(message, key, target.repository)
        return read[revision]

    source = app.source_of(target.repository) or 0
    before = [_at(past.revisions, source) for past in reversed(app.history)]
    lived = list(dict.fromkeys([_at(app.live, source), *_since(before, _at(app.live, source))]))[:MOST_MESSAGES]
    return Named(
        live=next((sha for revision in lived if (sha := of(revision))), None),
        wanted=of(_at(app.target, source)),
        operation=of(_at(app.operation.revisions, source)) if app.operation else None,
        why=f"the trailer {key} of the commits that {app.name} follows",
        source=source,
        revision=_at(app.target, source),
    )


def _since(before: list[str | None], live: str | None) -> list[str | None]:
    """The history, newest first, from what runs on: after a rollback newer entries do not run."""
    return before[before.index(live) :] if live in before else before


def _by_annotation(api: ArgoCD, name: Name, key: str, target: Target, app: Application) -> Named:
    resources = api.resources(name)
    live = annotated(resources, key, target.repository, state="liveState")
    wanted = annotated(resources, key, target.repository, state="targetState")
    several = f"; it names several: {', '.join(sorted(sha[:10] for sha in live))}" if len(live) > 1 else ""
    goes_for = next(iter(wanted)) if len(wanted) == 1 else None
    return Named(
        live=next(iter(live)) if len(live) == 1 else None,
        wanted=goes_for,
        operation=goes_for if app.operation and app.operation.revisions == app.target else None,
        why=f"the annotation {key} of the resources of {app.name}{several}",
        revision=_at(app.target, 0),
    )


def _commit(value: str, repository: str) -> str | None:
    match = _COMMIT.fullmatch(value.strip())
    if match is None or (match["repository"] or repository).lower() != repository.lower():
        return None
    return match["sha"]


def _sha(revision: str | None) -> str | None:
    """A chart's version, say, is no commit."""
    return revision if revision is not None and _SHA.fullmatch(revision) else None


def _at(revisions: tuple[str, ...], source: int) -> str | None:
    return revisions[source] if source < len(revisions) else None


def _inner(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(key)
    return value
