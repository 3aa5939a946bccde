"""Who waits for people for long says so once on the pull request, and to those by name whom the policy names."""

from dataclasses import replace

import people
from process_launcher import until

from oneshot_dagster.local.demo import plant
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes


def _reminders(world, number: int) -> list[str]:
    found = [str(comment["body"]) for comment in world.forge.comments(plant.REPOSITORY, number)]
    return [body for body in found if "This waits for" in body]


def test_a_review_that_is_long_in_coming_is_asked_for_once(resumed_alone):
    one, world = resumed_alone, resumed_alone.world
    one.launcher.limits = {"hold_seconds": 3.0}
    text = people.policy(world).replace("[gate]\n", '[gate]\napprovals = 1\nreviewers = ["ben"]\n')
    people.push(world, "main", {".oneshot.toml": text})
    key, _ = world.plant()
    take_in(one.services, key, base=None, prompt="", by="ada")
    parked = until(one.services, one.launcher, key, lambda a: a.awaited is not None and a.awaited.what != "ci")
    assert parked.awaited.what == "review"
    continue_changes(one.services, one.launcher, only=key)
    assert _reminders(world, parked.pr_number) == []
    limits = one.services.limits
    late = replace(one.services, limits=replace(limits, caps=replace(limits.caps, review_reminder=0.0)))
    for _ in range(3):
        continue_changes(late, one.launcher, only=key)
    (said,) = _reminders(world, parked.pr_number)
    assert "This waits for a review since" in said
    assert said.rstrip().splitlines()[-2] == "@ben"
