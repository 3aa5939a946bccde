"""Controls under /_forge/ for asynchronous merges: whether they are offered, and how long they take."""

from dataclasses import replace

from oneshot_dagster.local.forge import async_merges
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid
from oneshot_dagster.local.forge.rest.controls import admin
from oneshot_dagster.local.forge.rule_records import MergeSwitches


def set_switches(call: Call) -> Answer:
    """`offered` false: a server without asynchronous merges; `delay`: seconds before one runs."""
    admin(call)
    known = async_merges.switches(call.forge)
    offered, delay = call.body.get("offered", known.offered), call.body.get("delay", known.delay)
    if not isinstance(offered, bool) or not isinstance(delay, (int, float)):
        invalid("delay", "invalid")
    row = known if known.id else MergeSwitches(id=call.forge.world.next_id())
    call.forge.world.put(replace(row, offered=offered, delay=float(delay)))
    return Answer(body={"offered": offered, "delay": delay})


ENDPOINTS = (Endpoint(method="PUT", pattern="/_forge/merge-async", handler=set_switches, needs=""),)
