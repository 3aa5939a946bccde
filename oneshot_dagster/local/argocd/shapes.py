"""Applications as Argo CD's API shows them (`v1alpha1Application` of its swagger), with what a reader of them needs.
Left out are the live resources' tree, the sources of Helm and Kustomize, and several sources."""

from datetime import datetime

from oneshot_dagster.local.argocd.applications import App, Operation, Past

Json = dict[str, object]


def application(app: App) -> Json:
    return {
        "metadata": {
            "name": app.name,
            "namespace": app.namespace,
            "uid": f"{app.namespace}-{app.name}",
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": _spec(app),
        "status": _status(app),
    }


def revision_metadata(message: str) -> Json:
    return {"author": "Planter <planter@example.com>", "date": "2026-01-01T00:00:00Z", "message": message}


def resources(live: str | None, target: str | None) -> Json:
    if live is None and target is None:
        return {"items": []}
    item = {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "shop"}
    states = {"liveState": live or "null", "targetState": target or "null", "normalizedLiveState": live or "null"}
    return {"items": [{**item, **states, "predictedLiveState": target or "null", "hook": False}]}


def _spec(app: App) -> Json:
    spec: Json = {
        "source": _source(app),
        "destination": _destination(),
        "project": app.project,
    }
    if app.automated:
        spec["syncPolicy"] = {"automated": {"prune": True, "selfHeal": False}}
    return spec


def _source(app: App) -> Json:
    return {"repoURL": app.repo_url, "path": app.path, "targetRevision": app.target_revision}


def _destination() -> Json:
    return {"server": "https://kubernetes.default.svc", "namespace": "shop"}


def _status(app: App) -> Json:
    status: Json = {
        "sync": {
            "status": app.sync,
            "comparedTo": {"source": _source(app), "destination": _destination()},
            "revision": app.target,
        },
        "health": {"status": app.health, "lastTransitionTime": time_of(app.health_since)},
        "sourceType": "Directory",
        "summary": {},
        "controllerNamespace": "argocd",
    }
    if app.history:
        status["history"] = [_past(app, past) for past in app.history]
    if app.reconciled is not None:
        status["reconciledAt"] = time_of(app.reconciled)
    if app.operation is not None:
        status["operationState"] = _operation(app, app.operation)
    if app.error:
        status["conditions"] = [{"type": "ComparisonError", "message": app.error}]
    return status


def _past(app: App, past: Past) -> Json:
    return {
        "id": past.id,
        "revision": past.revision,
        "deployedAt": time_of(past.at),
        "deployStartedAt": time_of(past.at),
        "source": _source(app),
        "initiatedBy": _by(past.by),
    }


def _operation(app: App, operation: Operation) -> Json:
    state: Json = {
        "operation": {"sync": {"revision": operation.revision, "prune": True}, "initiatedBy": _by(operation.by)},
        "phase": operation.phase,
        "message": operation.message,
        "startedAt": time_of(operation.started),
        "syncResult": {"revision": operation.revision, "source": _source(app)},
    }
    if operation.finished is not None:
        state["finishedAt"] = time_of(operation.finished)
    return state


def _by(who: str) -> Json:
    return {"automated": True} if who == "automated" else {"username": who}


def time_of(at: datetime) -> str:
    """As Kubernetes writes times: to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
