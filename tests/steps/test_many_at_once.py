"""Several changes of one repository at once, where each merge makes the others stale: none is lost, none goes round in circles."""

import time

import psycopg
from process_launcher import sealed
from world_facts import git, merges, tip

from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes

SHOP = "acme/shop"
_QUEUE = "select q.id, r.issue_number from codex_judge.lane_queue q join codex_judge.runs r on r.id = q.run_id"


def test_of_three_at_once_each_lands_as_it_was_judged_in_its_order_brought_up_to_date_once(resumed_alone):
    """On a branch that GitHub wants up to date, too: who waits for the lane is left alone until it is its turn."""
    world, services, launcher = resumed_alone.world, resumed_alone.services, resumed_alone.launcher
    world.forge.set_protection(SHOP, "main", contexts=["ci"], strict=True)
    since, planted = tip(world), [world.plant(seed=seed) for seed in (1, 2, 3)]
    keys = [key for key, _ in planted]
    for key in keys:
        take_in(services, key, base=None, prompt="", by="ada")
    asked = _all_sealed(world, services, launcher, keys)

    ended = {key: services.store.runs.latest(key) for key in keys}
    assert [one.state for one in ended.values()] == [State.COMPLETED] * 3, [one.reason for one in ended.values()]
    line = merges(world, since)[::-1]
    assert [ended[key].merge_sha for key in asked] == line
    assert git(world, "rev-list", "--min-parents=2", f"{since}..refs/heads/main") == ""
    for place, key in enumerate(asked):
        writes = [w for w in services.store.writes.of(key) if w.action == "update_branch"]
        assert [w.outcome for w in writes] == ["done"] * (place > 0), key
        landing = next(f for f in services.store.facts.of(ended[key].id) if f.kind == "landing")
        assert landing.data["landed_tree"] == landing.data["expected_tree"]
        assert landing.data["up_to_date"] is True
        runs = services.store.launches.of(ended[key].id)
        assert len(runs) <= 2 + (place > 0), [run.reason for run in runs]
    assert all(issue.check(world.shop_url).ok for _, issue in planted)


def _all_sealed(world, services, launcher, keys):
    """The keys in the order in which they asked for the lane."""
    asked, deadline = {}, time.monotonic() + 150
    with psycopg.connect(libpq_url(world.store_url), autocommit=True) as connection:
        while not all(sealed(services.store.runs.latest(key)) for key in keys):
            said = continue_changes(services, launcher)
            asked |= dict(connection.execute(_QUEUE).fetchall())
            told = "\n\n".join(launcher.said(key) for key in keys)
            assert time.monotonic() < deadline, "\n".join([*said, told])
            time.sleep(0.1)
    by_number = {key.issue_number: key for key in keys}
    return [by_number[number] for _, number in sorted(asked.items())]
