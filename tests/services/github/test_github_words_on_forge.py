"""What we say on GitHub beside comments, on the forge: our check, labels, threads, and what the timeline makes of it."""

from dataclasses import replace

import pytest
from forge_shop import BRANCH

from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.github.protocol import OurCheck

WAITING = OurCheck(
    status="in_progress", conclusion=None, title="waiting", summary="ci: queued", url="http://127.0.0.1/1"
)
PASSED = replace(WAITING, status="completed", conclusion="success", title="may merge", summary="all passed")
PERMISSIONS = {"checks": "write", "statuses": "write", "contents": "write", "pull_requests": "write", "issues": "write"}


@pytest.fixture
def tokens(shop, forge, request):
    """Of an App of its own."""
    made = shop.owner.create_app(f"app-{len(request.node.name)}", "acme", PERMISSIONS, repositories=[shop.name])
    return AppTokens(api_url=f"{forge}/api/v3", app_id=str(made["app"]["id"]), private_key=lambda: made["pem"])


@pytest.fixture
def app(forge, tokens):
    """The client as that App."""
    github = GitHubClient(api_url=f"{forge}/api/v3", graphql_url=f"{forge}/api/graphql", token=tokens)
    yield github
    github.close()


def writes(shop) -> list[str]:
    asked = [r for r in shop.owner.requests() if r["method"] != "GET" and r["path"].startswith("/api/v3/repos/")]
    return [f"{r['method']} {r['path'].rpartition(shop.name)[2]} {r['status']}" for r in asked]


def test_an_app_keeps_one_check_run_and_opens_no_completed_one_again(shop, app):
    _, sha = shop.open_pull()
    shop.owner.clear_requests()
    for check in (WAITING, WAITING, PASSED, PASSED):
        app.put_check(shop.name, sha=sha, check=check)
    [run] = shop.owner.check_runs(shop.name, sha)
    assert (run["status"], run["conclusion"], run["output"]["title"]) == ("completed", "success", "may merge")
    assert writes(shop) == ["POST /check-runs 201", f"PATCH /check-runs/{run['id']} 200"]
    app.put_check(shop.name, sha=sha, check=WAITING)
    [newest] = shop.owner.check_runs(shop.name, sha)
    assert (newest["status"], newest["id"] > run["id"]) == ("in_progress", True)


def test_git_goes_by_the_apps_token_too(shop, forge, app, tokens, tmp_path):
    git = GitRepositories(
        home=tmp_path / "home",
        worktrees=tmp_path / "worktrees",
        remote_url=lambda repository: f"{forge}/{repository}.git",
        token=tokens.token,
        identity=Identity(name="e", email="e@example.test"),
    )
    shop.owner.clear_requests()
    git.fetch(shop.name)
    assert git.resolve(shop.name, "refs/remotes/origin/main") == shop.owner.branch_sha(shop.name, "main")
    app.default_branch(shop.name)
    assert sum(r["path"].endswith("/access_tokens") for r in shop.owner.requests()) == 1


def test_our_check_of_an_app_is_ours_in_the_gates_facts(shop, app):
    number, sha = shop.open_pull()
    app.put_check(shop.name, sha=sha, check=PASSED)
    assert [(c.name, c.ours) for c in app.gate_facts(shop.name, number).checks] == [("oneshot", True)]


def test_a_person_makes_a_status_once_and_is_never_refused_a_check_run(shop):
    number, sha = shop.open_pull()
    shop.owner.clear_requests()
    for check in (WAITING, WAITING, PASSED, PASSED):
        shop.github.put_check(shop.name, sha=sha, check=check)
    assert writes(shop) == [f"POST /statuses/{sha} 201"] * 2
    facts = shop.facts(number)
    assert [(s.context, s.state, s.description) for s in facts.statuses] == [("oneshot", "success", "may merge")]


def test_labels_and_who_put_them_there(shop):
    shop.github.add_labels(shop.name, shop.issue, ("needs a/human", "x"))
    for _ in range(2):
        shop.github.remove_label(shop.name, shop.issue, "needs a/human")
    assert shop.github.issue(shop.name, shop.issue).labels == ("oneshot", "x")
    events = [(e.event, e.actor, e.label) for e in shop.github.timeline(shop.name, shop.issue)]
    assert events == [
        ("labeled", "acme", "oneshot"),
        ("labeled", "oneshot", "needs a/human"),
        ("labeled", "oneshot", "x"),
        ("unlabeled", "oneshot", "needs a/human"),
    ]


def test_the_timeline_of_a_pull_request_says_who_merged_and_as_what(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").review(shop.name, number, "APPROVE", "good")
    shop.github.comment(shop.name, number, "hello")
    merged = shop.as_("ann").merge_as_person(shop.name, number)
    events = {e.event: (e.actor, e.commit_sha) for e in shop.github.timeline(shop.name, number)}
    assert (events["merged"], events["commented"][0], events["reviewed"][0]) == (("ann", merged), "oneshot", "ann")


def test_a_thread_is_resolved_by_us(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why?")
    (thread,) = shop.facts(number).threads
    shop.github.resolve_thread(shop.name, thread.thread_id)
    assert [t.is_resolved for t in shop.facts(number).threads] == [True]


def test_nothing_that_did_not_change_costs_anything_of_the_limit(shop):
    number, sha = shop.open_pull()
    shop.report(sha, "ci", "success")
    first = shop.facts(number)
    shop.owner.clear_requests()
    again = shop.facts(number)
    reads = [r["status"] for r in shop.owner.requests() if r["path"].startswith("/api/v3/repos/")]
    assert reads == [304] * len(reads)
    assert replace(again, read_at=first.read_at) == first
    assert BRANCH in {p.head_ref for p in shop.github.pulls_by_head(shop.name, BRANCH)}
