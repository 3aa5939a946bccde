"""Controls under /_forge/ for what goes wrong: faults to be armed, and how much of the limits is left.
They ask for an admin of the forge."""

import re
from dataclasses import asdict

from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid
from oneshot_dagster.local.forge.faults import Armed, Fault, Kind
from oneshot_dagster.local.forge.limits import ALLOWED
from oneshot_dagster.local.forge.rest.controls import admin
from oneshot_dagster.local.forge.shapes.people import Json


def arm(call: Call) -> Answer:
    admin(call)
    kind = call.text("kind")
    if kind not in set(Kind):
        invalid("kind", "invalid", f"one of {', '.join(Kind)}")
    fault = Fault(
        id=call.forge.faults.next_id(),
        kind=Kind(kind),
        method=call.text("method", "").upper(),
        path=_pattern(call, "path"),
        graphql=_pattern(call, "graphql"),
        login=call.text("login", ""),
        nth=_number(call, "nth", least=1) or 1,
        times=1 if call.body.get("times") is None else _number(call, "times", least=0) or 0,
        retry_after=_number(call, "retry_after", least=0),
        sha=call.text("sha", ""),
    )
    return Answer(status=201, body=_shape(call.forge.faults.arm(fault)))


def armed(call: Call) -> Answer:
    admin(call)
    return Answer(body=[_shape(one) for one in call.forge.faults.all()])


def clear(call: Call) -> Answer:
    admin(call)
    call.forge.faults.clear()
    return Answer(status=204)


def set_limit(call: Call) -> Answer:
    """`secondary` {status, retry_after, seconds} refuses for so long; else what is left of a resource, and until when."""
    admin(call)
    login, limits = call.path["login"], call.forge.limits
    secondary = call.mapping("secondary")
    if secondary is not None:
        retry_after, status = secondary.get("retry_after"), secondary.get("status", 403)
        seconds = secondary.get("seconds", retry_after)
        if status not in {403, 429} or not isinstance(seconds, int | float):
            invalid("secondary", "invalid")
        limits.set_secondary(
            login,
            status=429 if status == 429 else 403,
            retry_after=retry_after if isinstance(retry_after, int) else None,
            seconds=seconds,
        )
        return Answer(status=204)
    resource = call.text("resource", "core")
    remaining, reset_in = _number(call, "remaining", least=0), _number(call, "reset_in", least=1)
    if resource not in ALLOWED or remaining is None or remaining > ALLOWED[resource]:
        invalid("remaining", "invalid")
    enforced = call.body.get("enforced", True) is True
    limits.set(login, resource, remaining=remaining, reset_in=reset_in or 3600, enforced=enforced)
    return Answer(status=204)


def clear_limit(call: Call) -> Answer:
    admin(call)
    call.forge.limits.clear(call.path["login"])
    return Answer(status=204)


def _shape(one: Armed) -> Json:
    return {**asdict(one.fault), "seen": one.seen, "hit": list(one.hit)}


def _pattern(call: Call, name: str) -> str:
    text = call.text(name, "")
    try:
        re.compile(text)
    except re.error as e:
        invalid(name, "invalid", str(e))
    return text


def _number(call: Call, name: str, *, least: int) -> int | None:
    value = call.body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or value < least:
        invalid(name, "invalid")
    return value


ENDPOINTS = (
    Endpoint(method="POST", pattern="/_forge/faults", handler=arm, needs=""),
    Endpoint(method="GET", pattern="/_forge/faults", handler=armed, needs=""),
    Endpoint(method="DELETE", pattern="/_forge/faults", handler=clear, needs=""),
    Endpoint(method="PUT", pattern="/_forge/limits/{login}", handler=set_limit, needs=""),
    Endpoint(method="DELETE", pattern="/_forge/limits/{login}", handler=clear_limit, needs=""),
)
