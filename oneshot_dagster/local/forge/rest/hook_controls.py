"""Controls under /_forge/hooks: hold deliveries and let them go in any order, lose some, send some twice, delay all.
They ask for an admin of the forge."""

from dataclasses import asdict

from oneshot_dagster.local.forge import deliveries, untyped
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid
from oneshot_dagster.local.forge.post import Switches
from oneshot_dagster.local.forge.records import Delivery
from oneshot_dagster.local.forge.rest.controls import admin
from oneshot_dagster.local.forge.shapes.people import Json


def shown(call: Call) -> Answer:
    """The switches, and what waits: in the order of its making."""
    admin(call)
    rows = [call.forge.world.get(Delivery, number) for number in call.forge.post.waiting()]
    waiting: list[Json] = [
        {"id": d.id, "hook": d.hook, "guid": d.guid, "event": d.event, "action": d.action} for d in rows if d
    ]
    return Answer(body={**asdict(call.forge.post.switches), "waiting": waiting})


def put(call: Call) -> Answer:
    """What is not said is off."""
    admin(call)
    delay = call.body.get("delay", 0.0)
    if not isinstance(delay, int | float) or delay < 0:
        invalid("delay", "invalid")
    call.forge.post.set(
        Switches(
            held=call.body.get("held") is True,
            drop=_count(call, "drop"),
            duplicate=_count(call, "duplicate"),
            delay=float(delay),
        )
    )
    deliveries.wake(call.forge)
    return shown(call)


def _count(call: Call, name: str) -> int:
    value = call.body.get(name, 0)
    return value if isinstance(value, int) and value >= 0 else invalid(name, "invalid")


def release(call: Call) -> Answer:
    """`deliveries` go in the order in which they are named, also while others are held."""
    admin(call)
    named = untyped.sequence(call.body.get("deliveries"))
    if named is None:
        invalid("deliveries", "missing_field")
    let_go = call.forge.post.release([n for n in named if isinstance(n, int)])
    deliveries.wake(call.forge)
    return Answer(body={"released": let_go})


ENDPOINTS = (
    Endpoint(method="GET", pattern="/_forge/hooks", handler=shown, needs=""),
    Endpoint(method="PUT", pattern="/_forge/hooks", handler=put, needs=""),
    Endpoint(method="POST", pattern="/_forge/hooks/release", handler=release, needs=""),
)
