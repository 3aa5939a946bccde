"""What a failed check says of itself, from a scripted server over real HTTP."""

import pytest
from scripted_github import Scripted, serving

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.github import check_logs
from oneshot_dagster.services.github.client import GitHubClient

SHOP = "/api/v3/repos/acme/shop"
SHA = "a" * 40
CHECKS = f"{SHOP}/commits/{SHA}/check-runs"
LOGS, NOTES = f"{SHOP}/actions/jobs/5/logs", f"{SHOP}/check-runs/5/annotations"


def run(number=5, app="github-actions", output=None):
    return {"id": number, "name": "ci", "app": {"slug": app}, "status": "completed", "output": output}


@pytest.fixture
def job(script):
    """A job of Actions whose log lies at /blob on the server itself."""
    script.on("GET", CHECKS, Scripted(200, {"check_runs": [run()]}))
    script.on("GET", NOTES, Scripted(200, []))

    with serving(script) as url:
        script.on("GET", LOGS, Scripted(302, b"", {"Location": f"{url}/blob"}))
        github = GitHubClient(api_url=f"{url}/api/v3", graphql_url=f"{url}/api/graphql", token=lambda: "secret-token")
        yield github
        github.close()


def log(github):
    return github.check_log("acme/shop", SHA, "ci")


@pytest.mark.parametrize(
    ("output", "said"),
    [({"text": "E assert", "summary": "s"}, "E assert"), ({"text": None, "summary": "s"}, "s"), (None, "")],
)
def test_the_newest_runs_output_comes_first(github, script, output, said):
    runs = [run(5, "builder", output), run(4, "other", {"text": "old"})]
    script.on("GET", CHECKS, Scripted(200, {"check_runs": runs}))
    assert log(github) == said
    assert script.received[0].query["check_name"] == "ci"
    assert not script.sent("GET", LOGS)


def test_a_check_that_is_not_there_has_no_log(github, script):
    script.on("GET", CHECKS, Scripted(200, {"check_runs": []}))
    assert log(github) == ""


def test_a_job_of_actions_is_known_by_its_log_without_the_stamps(job, script):
    script.on(
        "GET", "/blob", Scripted(200, "\ufeff2026-01-01T09:00:00.1234567Z one\n2026-01-01T09:00:01Z two\n".encode())
    )
    assert log(job) == "one\ntwo\n"


def test_our_token_does_not_follow_to_where_the_log_lies(job, script):
    script.on("GET", "/blob", Scripted(200, b"x"))
    log(job)
    (asked,) = script.sent("GET", "/blob")
    assert "secret-token" not in str(asked.headers)
    assert "authorization" in script.sent("GET", LOGS)[0].headers


def test_of_a_long_log_whole_lines_of_the_end_are_kept(job, script):
    lines = "".join(f"line {n}\n" for n in range(20_000))
    script.on("GET", "/blob", Scripted(200, lines.encode()))
    kept = log(job)
    assert lines.endswith(kept)
    assert kept.startswith("line ")
    assert check_logs.KEPT - 20 < len(kept) <= check_logs.KEPT


def test_a_second_redirect_is_not_followed(job, script):
    script.on("GET", "/blob", Scripted(302, b"", {"Location": "/elsewhere"}))
    assert log(job) == ""
    assert not script.sent("GET", "/elsewhere")


@pytest.mark.parametrize("fault", [Scripted(410, None), Scripted(403, {"message": "no"}), Scripted(404, None)])
def test_where_the_log_is_gone_summary_and_annotations_stand_for_it(job, script, fault):
    script.on("GET", LOGS, fault)
    script.on("GET", CHECKS, Scripted(200, {"check_runs": [run(output={"text": "", "summary": "2 failed"})]}))
    note = {"path": "a.py", "start_line": 3, "annotation_level": "failure", "message": "no such name"}
    script.on("GET", NOTES, Scripted(200, [note]))
    assert log(job) == "2 failed\na.py:3: failure: no such name"


def test_a_log_that_cannot_be_loaded_holds_nothing_up(job, script):
    script.on("GET", "/blob", Scripted(cut=True))
    assert log(job) == ""


def test_a_limit_is_not_taken_for_a_log_that_is_gone(job, script):
    script.on("GET", LOGS, Scripted(403, {"message": "rate limit"}, {"retry-after": "9"}))
    with pytest.raises(TryAgain):
        log(job)


@pytest.mark.parametrize(
    ("location", "api", "follows"),
    [
        ("https://logs.example/1?sig=x", "https://api.github.com", True),
        ("http://logs.example/1", "https://api.github.com", False),
        ("http://127.0.0.1:1/1", "http://127.0.0.1:2/api/v3", True),
        ("http://127.0.0.1:1/1", "https://api.github.com", False),
        ("file:///etc/passwd", "http://127.0.0.1:2", False),
        ("https://a:b:c/", "https://api.github.com", False),
        ("/relative", "https://api.github.com", False),
        ("", "https://api.github.com", False),
    ],
)
def test_only_an_encrypted_address_is_followed_or_our_own_machines(location, api, follows):
    assert check_logs.may_follow(location, api=api) is follows
