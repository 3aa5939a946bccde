"""Controls under /_forge/ for merges that take their time: asynchronous ones, and the merge queue of classic protection."""

from dataclasses import replace

from oneshot_dagster.local.forge import async_merges
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, invalid
from oneshot_dagster.local.forge.pushes import protection
from oneshot_dagster.local.forge.rest.controls import admin
from oneshot_dagster.local.forge.rule_records import MergeSwitches, Protection


def set_switches(call: Call) -> Answer:
    """`offered` false: a server without asynchronous merges; `delay`: seconds before one runs, from now on for those that wait."""
    admin(call)
    known = async_merges.switches(call.forge)
    offered, delay = call.body.get("offered", known.offered), call.body.get("delay", known.delay)
    if not isinstance(offered, bool) or not isinstance(delay, (int, float)):
        invalid("delay", "invalid")
    row = known if known.id else MergeSwitches(id=call.forge.world.next_id())
    call.forge.world.put(replace(row, offered=offered, delay=float(delay)))
    async_merges.put_off(call.forge, float(delay))
    return Answer(body={"offered": offered, "delay": delay})


def set_queue(call: Call) -> Answer:
    """A merge queue of classic protection, which GitHub's API cannot set: REST does not tell of it, GraphQL does."""
    admin(call)
    owner, _, name = str(call.body.get("repository")).partition("/")
    repository, branch = call.forge.world.repository(owner, name), str(call.body.get("branch"))
    if repository is None:
        invalid("repository", "invalid")
    known = protection(call.forge, repository, branch)
    row = known or Protection(id=call.forge.world.next_id(), repository=repository.id, branch=branch)
    call.forge.world.put(replace(row, merge_queue=call.body.get("required") is True))
    return Answer(body={"repository": repository.full_name, "branch": branch})


ENDPOINTS = (
    Endpoint(method="PUT", pattern="/_forge/merge-async", handler=set_switches, needs=""),
    Endpoint(method="PUT", pattern="/_forge/merge-queue", handler=set_queue, needs=""),
)
