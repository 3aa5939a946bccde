"""Routes: webhooks of a repository, and the deliveries of those and of an App's own."""

from dataclasses import replace
from urllib.parse import urlencode

from oneshot_dagster.local.forge import hooks
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.deliveries import is_loopback
from oneshot_dagster.local.forge.records import Delivery, Hook
from oneshot_dagster.local.forge.shapes import hooks as shapes
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.world import now


def _shown(call: Call, row: Hook) -> Json:
    sent = [d for d in call.forge.world.all(Delivery) if d.hook == row.id and d.sent_at]
    return shapes.hook(call.urls, call.repository, row, sent[-1] if sent else None)


def _hook(call: Call) -> Hook:
    found = call.forge.world.get(Hook, call.number("hook"))
    return found if found and found.repository == call.repository.id else not_found()


def list_hooks(call: Call) -> Answer:
    return call.page([_shown(call, row) for row in call.forge.world.all(Hook, call.repository)])


def get_hook(call: Call) -> Answer:
    return Answer(body=_shown(call, _hook(call)))


def create_hook(call: Call) -> Answer:
    """It is pinged at once."""
    fresh = Hook(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        url="",
        content_type="form",
        secret=None,
        insecure_ssl="0",
        events=("push",),
        active=True,
        created_at=now(),
        updated_at=now(),
    )
    row = _changed(call, fresh)
    same = [
        h for h in call.forge.world.all(Hook, call.repository) if (h.url, set(h.events)) == (row.url, set(row.events))
    ]
    if same:
        said = "Hook already exists on this repository"
        raise Refusal(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "message": said}])
    call.forge.world.put(row)
    hooks.ping(call.forge, call.repository, row, call.user.login)
    return Answer(status=201, body=_shown(call, row))


def patch_hook(call: Call) -> Answer:
    """`add_events` and `remove_events` change the list, `events` replaces it."""
    row = _changed(call, _hook(call))
    events = [e for e in (*row.events, *call.words("add_events")) if e not in call.words("remove_events")]
    return Answer(body=_shown(call, call.forge.world.put(replace(row, events=tuple(dict.fromkeys(events))))))


def _changed(call: Call, row: Hook) -> Hook:
    """What the body says, over what stands. A configuration is replaced as a whole: without its secret it has none."""
    if call.body.get("config") is not None:
        row = _configured(call, row)
    events = call.words("events") or row.events
    active = call.body.get("active")
    if not is_loopback(row.url):
        invalid("url", "custom", "this forge delivers to loopback addresses only")
    return replace(row, events=events, active=active if isinstance(active, bool) else row.active, updated_at=now())


def _configured(call: Call, row: Hook) -> Hook:
    config = call.mapping("config") or {}
    secret, kind = config.get("secret"), config.get("content_type", "form")
    if kind not in {"json", "form"}:
        invalid("content_type", "invalid")
    return replace(
        row,
        url=str(config.get("url") or row.url),
        content_type=str(kind),
        secret=str(secret) if secret else None,
        insecure_ssl=str(config.get("insecure_ssl", "0")),
    )


def delete_hook(call: Call) -> Answer:
    row = _hook(call)
    call.forge.post.forget(row.id)
    for delivery in [d for d in call.forge.world.all(Delivery) if d.hook == row.id]:
        call.forge.world.drop(delivery)
    call.forge.world.drop(row)
    return Answer(status=204)


def ping(call: Call) -> Answer:
    hooks.ping(call.forge, call.repository, _hook(call), call.user.login)
    return Answer(status=204)


def _number(call: Call) -> int:
    """Of the hook: that of the path, or the App's own."""
    return call.app.id if call.app else _hook(call).id


def _url(call: Call, row: Delivery) -> str:
    if call.app:
        return f"{call.urls.api}/app/hook/deliveries/{row.id}"
    return f"{call.urls.repository(call.repository)}/hooks/{row.hook}/deliveries/{row.id}"


def list_deliveries(call: Call) -> Answer:
    """Newest first, those that were sent; the next page is behind a cursor."""
    hook, size = _number(call), min(max(_int(call.query.get("per_page"), 30), 1), 100)
    before = _int(call.query.get("cursor", "").removeprefix("v1_"), 0)
    wanted = call.query.get("status")
    rows = [
        d
        for d in reversed(call.forge.world.all(Delivery))
        if d.hook == hook
        and d.sent_at
        and (not before or d.id < before)
        and wanted in {None, "success" if d.status == "OK" else "failure"}
    ]
    shown = rows[:size]
    link = {"link": _next(call, shown[-1])} if len(rows) > size else {}
    return Answer(body=[shapes.delivery_item(d) for d in shown], headers=link)


def _next(call: Call, last: Delivery) -> str:
    query = urlencode({**call.query, "cursor": f"v1_{last.id}"})
    return f'<{call.urls.site}{call.target}?{query}>; rel="next"'


def _int(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


def _delivery(call: Call) -> Delivery:
    found = call.forge.world.get(Delivery, call.number("delivery"))
    return found if found and found.sent_at and found.hook == _number(call) else not_found()


def get_delivery(call: Call) -> Answer:
    row = _delivery(call)
    return Answer(body=shapes.delivery(row, _url(call, row)))


def redeliver(call: Call) -> Answer:
    hooks.deliver_again(call.forge, _delivery(call))
    return Answer(status=202, body={})


_HOOKS = "/repos/{owner}/{repo}/hooks"
_HOOK, _DELIVERIES, _OWN = _HOOKS + "/{hook}", _HOOKS + "/{hook}/deliveries", "/app/hook/deliveries"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_HOOKS, handler=list_hooks, needs="admin"),
    Endpoint(method="POST", pattern=_HOOKS, handler=create_hook, needs="admin"),
    Endpoint(method="GET", pattern=_HOOK, handler=get_hook, needs="admin"),
    Endpoint(method="PATCH", pattern=_HOOK, handler=patch_hook, needs="admin"),
    Endpoint(method="DELETE", pattern=_HOOK, handler=delete_hook, needs="admin"),
    Endpoint(method="POST", pattern=_HOOK + "/pings", handler=ping, needs="admin"),
    Endpoint(method="GET", pattern=_DELIVERIES, handler=list_deliveries, needs="admin"),
    Endpoint(method="GET", pattern=_DELIVERIES + "/{delivery}", handler=get_delivery, needs="admin"),
    Endpoint(method="POST", pattern=_DELIVERIES + "/{delivery}/attempts", handler=redeliver, needs="admin"),
    Endpoint(method="GET", pattern=_OWN, handler=list_deliveries, needs=""),
    Endpoint(method="GET", pattern=_OWN + "/{delivery}", handler=get_delivery, needs=""),
    Endpoint(method="POST", pattern=_OWN + "/{delivery}/attempts", handler=redeliver, needs=""),
)
