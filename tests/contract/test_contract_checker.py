"""The checker against GitHub's description can fail, and says where."""

import json
from dataclasses import replace

import pytest
from contract import forge_record, webhooks
from contract.description import VERSION, description
from contract.exchanges import Exchange
from contract.lacking import remaining
from contract.packages import WEBHOOKS, load

from oneshot_dagster.local.forge.records import Delivery
from oneshot_dagster.local.forge.world import World

SHA = "0123456789012345678901234567890123456789"
HEADERS = {"x-github-api-version": VERSION}
JSON = {"content-type": "application/json"}
REF = {
    "ref": "refs/heads/main",
    "node_id": "REF_1",
    "url": "https://api.example.org/repos/acme/shop/git/refs/heads/main",
    "object": {"type": "commit", "sha": SHA, "url": "https://api.example.org/x"},
}
READ = Exchange(
    method="GET",
    path="/api/v3/repos/acme/shop/git/ref/heads/main",
    query="",
    headers=HEADERS,
    body="",
    status=200,
    answer_headers=JSON,
    answer=json.dumps(REF),
)
LISTED = replace(READ, path="/api/v3/repos/acme/shop/pulls", query="state=open&per_page=100", answer="[]")
MERGE = replace(
    READ,
    method="PUT",
    path="/api/v3/repos/acme/shop/pulls/7/merge",
    headers=HEADERS | JSON,
    body=json.dumps({"sha": SHA, "merge_method": "squash"}),
    answer=json.dumps({"sha": SHA, "merged": True, "message": "Pull Request successfully merged"}),
)
DELETED = replace(READ, method="DELETE", path="/api/v3/repos/acme/shop/git/refs/heads/x", status=204, answer="")
QUERY = 'query($n: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $n) { mergeable title } } }'


def graphql(query: str = QUERY, data: object = None, **answer: object) -> Exchange:
    pull = {"repository": {"pullRequest": {"mergeable": "UNKNOWN", "title": "Greet"}}}
    said = {"data": pull if data is None else data, **answer}
    body = json.dumps({"query": query, "variables": {"n": 7}})
    return replace(READ, method="POST", path="/api/graphql", headers=JSON, body=body, answer=json.dumps(said))


def pull(**fields: object) -> object:
    return {"repository": {"pullRequest": fields}}


@pytest.mark.parametrize("exchange", [READ, LISTED, MERGE, DELETED, graphql()], ids=lambda e: f"{e.method} {e.path}")
def test_what_fits_has_no_problem(exchange):
    assert forge_record.problems(exchange) == []


def test_no_answer_is_no_problem():
    assert forge_record.problems(replace(READ, status=None, answer="")) == []


@pytest.mark.parametrize(
    ("exchange", "what"),
    [
        (replace(READ, path="/api/v3/repos/acme/shop/branch"), "operation"),
        (replace(READ, path="/api/v3/repos/acme/shop/labels/codex/x"), "operation"),
        (replace(READ, method="PATCH"), "operation"),
        (replace(READ, headers={}), "version"),
        (replace(MERGE, path="/api/v3/repos/acme/shop/pulls/seven/merge"), "path pull_number"),
        (replace(LISTED, query="state=merged"), "query state"),
        (replace(LISTED, query="per_page=many"), "query per_page"),
        (replace(LISTED, query="author=ada"), "query author"),
        (replace(LISTED, body="{}"), "body"),
        (replace(MERGE, headers=HEADERS), "body"),
        (replace(MERGE, body='{"sha": 1}'), "body .sha"),
        (replace(MERGE, body='{"merge_method": "octopus"}'), "body .merge_method"),
        (replace(MERGE, body='{"force": true}'), "body .force"),
        (replace(READ, status=202), "status 202"),
        (replace(READ, answer_headers={"content-type": "text/html"}), "answer 200"),
        (replace(READ, answer=json.dumps({k: v for k, v in REF.items() if k != "node_id"})), "answer 200"),
        (replace(READ, answer=json.dumps({**REF, "ref": None})), "answer 200 .ref"),
        (replace(READ, answer=json.dumps({**REF, "url": "no address"})), "answer 200 .url"),
        (replace(READ, answer=json.dumps({**REF, "object": {**REF["object"], "size": 1}})), "answer 200 .object.size"),
        (replace(LISTED, answer='[{"title": 1}]'), "answer 200 [].title"),
        (replace(DELETED, answer="{}"), "answer 204"),
    ],
)
def test_what_does_not_fit_is_named(exchange, what):
    assert what in [problem.what for problem in forge_record.problems(exchange)]


def test_a_wrong_request_that_is_refused_as_wrong_is_as_it_should_be():
    refused = {"message": "Validation Failed", "documentation_url": "https://docs.example.org", "errors": []}
    wrong = replace(MERGE, body='{"merge_method": "octopus"}', status=422, answer=json.dumps(refused))
    assert forge_record.problems(wrong) == []


@pytest.mark.parametrize(
    ("exchange", "what"),
    [
        (graphql("{ viewer { nickname } }"), "query"),
        (graphql("{ viewer }"), "query"),
        (graphql("{ viewer {"), "query"),
        (graphql(QUERY.replace("Int!", "String!")), "query"),
        (graphql(data=pull(mergeable="PERHAPS", title="Greet")), "answer .repository.pullRequest.mergeable"),
        (graphql(data=pull(mergeable="UNKNOWN", title=None)), "answer .repository.pullRequest.title"),
        (graphql(data=pull(mergeable="UNKNOWN")), "answer .repository.pullRequest.title"),
        (graphql(data=pull(mergeable="UNKNOWN", title="Greet", number=7)), "answer"),
        (graphql(errors=[{"reason": "no"}]), "errors"),
        (replace(graphql(), status=500), "status 500"),
    ],
)
def test_what_does_not_fit_the_graphql_schema_is_named(exchange, what):
    assert what in [problem.what for problem in forge_record.problems(exchange)]


def test_a_graphql_error_explains_the_null_that_it_leaves():
    error = {"type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve", "locations": []}
    assert forge_record.problems(graphql(data={"repository": None}, errors=[error])) == []


def test_the_description_is_of_the_version_that_we_ask_for():
    fields = description().document["components"]["schemas"]["pull-request"]
    assert {"merge_commit_sha", "assignee"} & {*fields["properties"], *fields["required"]} == set()


def test_a_gap_explains_a_status_but_not_what_stands_in_its_body():
    lost = replace(READ, path="/api/v3/repos/acme/shop/pulls/7/merge", status=403, answer='{"message": "No"}')
    assert list(remaining(forge_record.problems(lost), set())) == []
    wordless = replace(lost, answer='{"message": 1}')
    assert [p.what for p in remaining(forge_record.problems(wordless), set())] == ["status 403 .message"]


def test_a_record_is_checked_whole_and_a_line_that_a_kill_cut_off_is_left_out(tmp_path):
    forge_record.begin(tmp_path)
    line = json.dumps({field: getattr(replace(LISTED, query="author=ada"), field) for field in LISTED.__slots__})
    (tmp_path / forge_record.FILE).write_text(f"{line}\n{line}\n{line[:50]}")
    with pytest.raises(AssertionError, match=r"^not as GitHub describes it:\nGET /repos/.*/pulls: query author: .*$"):
        forge_record.check(tmp_path)


def test_each_webhook_that_a_forge_made_is_checked(tmp_path):
    forge_record.begin(tmp_path)
    made = Delivery(id=1, hook=2, guid="3", event="ping", action=None, payload='{"zen": 7}', created_at="")
    World(tmp_path / "world.sqlite").put(made)
    with pytest.raises(AssertionError, match=r"webhook ping: payload \.zen: 7 is not of type"):
        forge_record.check(tmp_path)


def test_github_s_own_webhook_fits_and_one_that_lacks_a_field_does_not():
    examples = {e["name"]: e["examples"] for e in load(WEBHOOKS, WEBHOOKS.files[0])}
    closed = next(e for e in examples["issue_comment"] if not webhooks.problems("issue_comment", e))
    lacking = {name: value for name, value in closed.items() if name != "comment"}
    assert [p.what for p in webhooks.problems("issue_comment", lacking)] == ["payload"]
    assert [p.what for p in webhooks.problems("issue_comments", closed)] == ["event"]
    assert [p.what for p in webhooks.problems("issue_comment", {**closed, "mood": "good"})] == ["payload .mood"]
