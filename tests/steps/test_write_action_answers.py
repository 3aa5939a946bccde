"""An effect whose request or answer is lost on the way: it is looked up, and repeated only where the world does not show it.
`CRASH_POINTS=all` takes every call both ways; without it the telling ones."""

import pytest
from crash_points import EVERYTHING
from losing_proxy import losing
from process_launcher import ProcessLauncher, sealed, until
from resumed import Resumed
from world_facts import assert_done_once, tip
from world_fixtures import ENGINE_TOKEN

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.probes import PROBES, Action

CALLS = {
    "open_pr": ("POST", r"/pulls$"),
    "comment": ("POST", r"/issues/\d+/comments$"),
    "check_run": ("POST", r"/statuses/\w+$"),
    "comment_edit": ("PATCH", r"/issues/comments/\d+$"),
    "update_pr": ("PATCH", r"/pulls/\d+$"),
    "merge": ("PUT", r"/pulls/\d+/merge-async$"),
    "github_deployment": ("POST", r"/deployments$"),
    "deployment_status": ("POST", r"/deployments/\d+/statuses$"),
}
EVERY = [(action, what) for action in CALLS for what in ("answer", "request")]
TELLING = [
    ("open_pr", "answer"),
    ("comment", "answer"),
    ("merge", "answer"),
    ("merge", "request"),
    ("github_deployment", "answer"),
]


def test_every_action_has_a_probe():
    assert set(PROBES) == set(Action)


@pytest.mark.parametrize(("action", "what"), EVERY if EVERYTHING else TELLING)
def test_what_was_lost_happens_once_all_the_same(shared_world, action, what):
    method, path = CALLS[action]
    with losing(shared_world.url, method=method, path=path, what=what) as way:
        settings = shared_world.settings(
            github={
                "api_url": f"{way.url}/api/v3",
                "graphql_url": f"{way.url}/api/graphql",
                "git_url": shared_world.url,
                "token": ENGINE_TOKEN,
            }
        )
        launcher = ProcessLauncher(settings=settings, logs=shared_world.home / "runs")
        one = Resumed(world=shared_world, services=open_services(settings), launcher=launcher)
        since = tip(shared_world)
        key, issue = shared_world.plant()
        take_in(one.services, key, base=None, prompt="", by="ada")
        try:
            attempt = until(one.services, launcher, key, sealed)
            assert way.lost == 1
            assert_done_once(shared_world, one.services, key, since=since)
            assert attempt.infrastructure_retries <= 1
            assert issue.check(shared_world.shop_url).ok
        finally:
            launcher.close()
            one.services.close()
