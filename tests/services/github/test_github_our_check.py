"""Our own check at a commit, as GitHub hears of it from a scripted server's side."""

from dataclasses import replace

import pytest
from scripted_github import Scripted

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.github.protocol import OurCheck

SHOP, GRAPH = "/api/v3/repos/acme/shop", "/api/graphql"
SHA = "a" * 40
RUNS, LISTED, STATUS, STATUSES = (
    f"{SHOP}/check-runs",
    f"{SHOP}/commits/{SHA}/check-runs",
    f"{SHOP}/commits/{SHA}/status",
    f"{SHOP}/statuses/{SHA}",
)
DETAILS = "http://127.0.0.1:3000/runs/1"
WAITING = OurCheck(status="in_progress", conclusion=None, title="waiting for CI", summary="ci: queued", url=DETAILS)
PASSED = OurCheck(status="completed", conclusion="success", title="may merge", summary="all passed", url=DETAILS)
NOT_ALLOWED = Scripted(403, {"message": "Resource not accessible by integration"})


def standing(check, *, number=1, app="oneshot"):
    output = {"title": check.title, "summary": check.summary}
    body = {"id": number, "name": "oneshot", "app": {"slug": app}, "output": output, "details_url": check.url}
    return {**body, "status": check.status, "conclusion": check.conclusion, "html_url": f"http://x/{number}"}


def put(github, check):
    return github.put_check("acme/shop", sha=SHA, check=check)


@pytest.fixture
def as_app(script):
    script.on("POST", GRAPH, Scripted(200, {"data": {"viewer": {"login": "oneshot[bot]"}}}))
    script.on("GET", LISTED, Scripted(200, {"check_runs": []}))
    script.on("POST", RUNS, Scripted(201, standing(PASSED)))
    for number in (1, 2):
        script.on("PATCH", f"{RUNS}/{number}", Scripted(200, standing(PASSED, number=number)))
    script.on("POST", STATUSES, Scripted(201, {}))
    script.on("GET", STATUS, Scripted(200, {"statuses": []}))
    return script


@pytest.fixture
def as_person(as_app):
    as_app.on("POST", GRAPH, Scripted(200, {"data": {"viewer": {"login": "ann"}}}))
    return as_app


def writes(script):
    return [(r.method, r.path) for r in script.received if r.method != "GET" and r.path != GRAPH]


def test_an_app_makes_a_check_run(github, as_app):
    assert put(github, PASSED) == "http://x/1"
    assert writes(as_app) == [("POST", RUNS)]
    assert as_app.received[-1].body == {
        "name": "oneshot",
        "head_sha": SHA,
        "status": "completed",
        "conclusion": "success",
        "output": {"title": "may merge", "summary": "all passed"},
        "details_url": DETAILS,
    }


def test_what_stands_is_changed_and_never_doubled(github, as_app):
    as_app.on("GET", LISTED, Scripted(200, {"check_runs": [standing(WAITING, number=2)]}))
    put(github, PASSED)
    assert writes(as_app) == [("PATCH", f"{RUNS}/2")]
    listed = as_app.sent("GET", LISTED)[0].query
    assert (listed["check_name"], listed["filter"]) == ("oneshot", "latest")


@pytest.mark.parametrize("check", [WAITING, PASSED, replace(PASSED, url="")])
def test_nothing_is_sent_where_it_says_so_already(github, as_app, check):
    stands = standing(replace(check, url=check.url or "https://the-apps-own.example"))
    as_app.on("GET", LISTED, Scripted(200, {"check_runs": [stands]}))
    assert put(github, check) == "http://x/1"
    assert writes(as_app) == []


@pytest.mark.parametrize("wanted", [WAITING, replace(PASSED, conclusion="failure")])
def test_a_completed_check_run_that_must_say_otherwise_gets_a_successor(github, as_app, wanted):
    as_app.on("GET", LISTED, Scripted(200, {"check_runs": [standing(PASSED)]}))
    put(github, wanted)
    assert writes(as_app) == [("POST", RUNS)]


def test_new_words_at_the_same_conclusion_change_the_run(github, as_app):
    as_app.on("GET", LISTED, Scripted(200, {"check_runs": [standing(PASSED)]}))
    put(github, replace(PASSED, summary="merged"))
    assert writes(as_app) == [("PATCH", f"{RUNS}/1")]


def test_a_check_of_our_name_by_another_app_is_not_touched(github, as_app):
    as_app.on("GET", LISTED, Scripted(200, {"check_runs": [standing(WAITING, app="github-actions")]}))
    put(github, PASSED)
    assert writes(as_app) == [("POST", RUNS)]


def test_an_app_that_may_make_no_check_runs_makes_a_status(github, as_app):
    as_app.on("POST", RUNS, NOT_ALLOWED)
    assert put(github, PASSED) == DETAILS
    assert writes(as_app) == [("POST", RUNS), ("POST", STATUSES)]


def test_a_limit_is_not_taken_for_a_missing_permission(github, as_app):
    as_app.on("POST", RUNS, Scripted(403, {"message": "secondary rate limit"}, {"retry-after": "9"}))
    with pytest.raises(TryAgain):
        put(github, PASSED)
    assert not as_app.sent("POST", STATUSES)


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("queued", None, "pending"),
        ("in_progress", None, "pending"),
        ("completed", "success", "success"),
        ("completed", "neutral", "success"),
        ("completed", "failure", "failure"),
        ("completed", "action_required", "failure"),
        ("completed", "cancelled", "error"),
    ],
)
def test_a_person_makes_a_commit_status(github, as_person, status, conclusion, state):
    assert put(github, replace(PASSED, status=status, conclusion=conclusion, title="t" * 200)) == DETAILS
    assert writes(as_person) == [("POST", STATUSES)]
    sent = as_person.received[-1].body
    assert (sent["context"], sent["state"], sent["target_url"]) == ("oneshot", state, DETAILS)
    assert len(sent["description"]) == 140


def test_a_status_that_says_so_already_is_not_sent_again(github, as_person):
    stands = {"context": "oneshot", "state": "success", "description": "may merge", "target_url": DETAILS}
    as_person.on("GET", STATUS, Scripted(200, {"statuses": [{"context": "ci", "state": "success"}, stands]}))
    put(github, PASSED)
    assert writes(as_person) == []
    put(github, WAITING)
    assert writes(as_person) == [("POST", STATUSES)]


def test_who_may_do_neither_needs_a_human(github, as_person):
    as_person.on("POST", STATUSES, NOT_ALLOWED)
    with pytest.raises(NeedsHuman):
        put(github, PASSED)
