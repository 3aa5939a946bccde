"""Who hears of what happened: repositories' webhooks and Apps. A delivery is a row of the same transaction as its cause.
Nothing is built where nobody listens. Sending is deliveries.py."""

import json
import logging
import uuid
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from oneshot_dagster.local.forge import apps, deliveries, hook_payloads, untyped
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.hook_events import Told, told
from oneshot_dagster.local.forge.records import App, Delivery, Hook, Installation, Repository
from oneshot_dagster.local.forge.shapes import hooks as shapes
from oneshot_dagster.local.forge.shapes.people import Json, simple_user
from oneshot_dagster.local.forge.world import Change, now

acting: ContextVar[str | None] = ContextVar("acting", default=None)  # who makes the request that is being answered
_LOG = logging.getLogger(__name__)
_OF_THEIR_APP = {"check_run", "check_suite", "workflow_run"}
_ONCE = {"check_suite", "workflow_run"}  # several rows of one transaction tell it
_ZEN = "Keep it logically awesome."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ear:
    """A hook that is on. `app` is 0 at a repository's, and `repository` 0 at an App's."""

    hook: int
    events: Sequence[str]
    repository: int = 0
    app: int = 0


def watch(forge: Forge) -> None:
    """From now on, and what a killed forge had not sent."""

    def hear(changes: Sequence[Change]) -> None:
        try:
            _hear(forge, changes)
        except Exception:  # noqa: BLE001 - a payload that cannot be built must not undo what happened
            _LOG.exception("a webhook was not made")

    forge.world.listen(hear)
    deliveries.resume(forge)


def _hear(forge: Forge, changes: Sequence[Change]) -> None:
    ears = list(_ears(forge))
    if not ears:
        return
    said: set[tuple[str, str | None, object]] = set()
    for one in told(changes):
        event = hook_payloads.event_of(forge, one)
        heard = [(ear, home) for ear in ears if (home := _hears(forge, ear, event, one)) is not None]
        payload = _payload(forge, event, one) if heard else None
        key = (event, one.action, (untyped.mapping((payload or {}).get(event)) or {}).get("id"))
        if payload is None or (event in _ONCE and key in said):
            continue
        said.add(key)
        for ear, home in heard:
            _write(forge, ear.hook, event, payload, installation=home)
    deliveries.wake(forge)


def _ears(forge: Forge) -> Iterable[_Ear]:
    for hook in forge.world.all(Hook):
        if hook.active:
            yield _Ear(hook=hook.id, events=hook.events, repository=hook.repository)
    for app in forge.world.all(App):
        if app.hook_active and app.hook_url:
            yield _Ear(hook=app.id, events=app.events, app=app.id)


def _hears(forge: Forge, ear: _Ear, event: str, one: Told) -> int | None:
    """The installation by which an App hears it, 0 at a repository's hook; None: it does not."""
    if isinstance(one.row, Installation):
        return one.row.id if one.row.app == ear.app else None
    if event not in ear.events and "*" not in ear.events:
        return None
    if not ear.app:
        return 0 if ear.repository == one.row.repository else None
    app, repo = forge.world.get(App, ear.app), forge.world.get(Repository, one.row.repository)
    home = apps.installation_of(forge.world, app, repo) if app and repo else None
    return home.id if home and not home.suspended_at else None


def _payload(forge: Forge, event: str, one: Told) -> Json | None:
    about = Told(event=event, action=one.action, row=one.row, by=one.by, more=one.more)
    said = hook_payloads.payload(forge, about)
    if said is None:
        return None
    by = one.by if event in _OF_THEIR_APP else acting.get() or one.by
    return {**said, "sender": simple_user(forge.urls, by or hook_payloads.owner_of(forge, one.row))}


def _write(forge: Forge, hook: int, event: str, payload: Json, *, installation: int = 0) -> Delivery:
    own: Json = {"id": installation, "node_id": f"I_{installation}"}
    whole = payload if not installation or "installation" in payload else {**payload, "installation": own}
    place, action = untyped.mapping(payload.get("repository")) or {}, payload.get("action")
    number = place.get("id")
    row = forge.world.put(
        Delivery(
            id=forge.world.next_id(),
            repository=number if isinstance(number, int) else 0,
            hook=hook,
            guid=str(uuid.uuid4()),
            event=event,
            action=str(action) if action else None,
            payload=json.dumps(whole, ensure_ascii=False, separators=(",", ":")),
            created_at=now(),
            installation=installation,
        )
    )
    forge.post.add(hook, row.id)
    return row


def ping(forge: Forge, repo: Repository, hook: Hook, by: str) -> None:
    """Also to a hook that is off."""
    payload: Json = {
        "zen": _ZEN,
        "hook_id": hook.id,
        "hook": shapes.hook(forge.urls, repo, hook, None),
        "repository": shapes.place(forge.urls, repo),
        "sender": simple_user(forge.urls, by),
    }
    with forge.world.change():
        _write(forge, hook.id, "ping", payload)
        deliveries.wake(forge)


def deliver_again(forge: Forge, row: Delivery) -> Delivery:
    """The same payload under the same GUID, as a delivery of its own."""
    with forge.world.change():
        again = forge.world.put(
            Delivery(
                id=forge.world.next_id(),
                repository=row.repository,
                hook=row.hook,
                guid=row.guid,
                event=row.event,
                action=row.action,
                payload=row.payload,
                created_at=now(),
                installation=row.installation,
                redelivery=True,
            )
        )
        forge.post.add(row.hook, again.id)
        deliveries.wake(forge)
    return again
