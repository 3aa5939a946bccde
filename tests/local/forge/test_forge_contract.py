"""Every answer that our client uses parses under githubkit's own models, asked by a real githubkit client over HTTP."""

import pytest
from githubkit import GitHub
from githubkit.exception import GraphQLFailed, RequestFailed

OWNER, REPO = "acme", "shop"
AT = {"owner": OWNER, "repo": REPO}


@pytest.fixture
def github(forge):
    return GitHub(
        "token-of-oneshot", base_url=f"{forge.url}/api/v3/", timeout=20, auto_retry=False, user_agent="by-hand"
    )


@pytest.fixture
def ada(forge):
    return GitHub("token-of-ada", base_url=f"{forge.url}/api/v3/", timeout=20, auto_retry=False, user_agent="by-hand")


@pytest.fixture
def bot(forge, shop):
    """Only an App makes check runs."""
    made = forge.ada.create_app("oneshot", "acme", {"checks": "write"})
    return GitHub(made["token"], base_url=f"{forge.url}/api/v3/", timeout=20, auto_retry=False, user_agent="by-hand")


@pytest.fixture
def pull(forge, shop, github):
    shop.push_branch("feature", {"price.txt": "12\n"})
    answer = github.rest.pulls.create(**AT, title="Prices", head="feature", base="main", body="why")
    forge.wait_checks(answer.parsed_data.head.sha)
    return answer.parsed_data


def test_identity_and_repository_parse(github, shop):
    assert github.rest.users.get_authenticated().parsed_data.login == "oneshot"
    repository = github.rest.repos.get(**AT).parsed_data
    assert (repository.full_name, repository.default_branch) == ("acme/shop", "main")
    held = github.rest.repos.get_collaborator_permission_level(**AT, username="grace").parsed_data
    assert (held.permission, held.role_name) == ("write", "write")


def test_issues_and_labels_parse(github, shop):
    made = github.rest.issues.create(**AT, title="Bug", body="It is", labels=["bug"]).parsed_data
    at = {**AT, "issue_number": made.number}
    assert [i.number for i in github.rest.issues.list_for_repo(**AT).parsed_data] == [made.number]
    assert {x.name for x in github.rest.issues.add_labels(**at, labels=["oneshot"]).parsed_data} == {"bug", "oneshot"}
    assert [x.name for x in github.rest.issues.remove_label(**at, name="bug").parsed_data] == ["oneshot"]
    assert [x.name for x in github.rest.issues.list_labels_on_issue(**at).parsed_data] == ["oneshot"]
    assert github.rest.issues.update(**at, state="closed", state_reason="not_planned").parsed_data.state == "closed"
    assert github.rest.issues.get(**at).parsed_data.state_reason == "not_planned"


def test_the_timeline_parses_and_names_who_labelled(github, ada, shop):
    number = github.rest.issues.create(**AT, title="Bug").parsed_data.number
    at = {**AT, "issue_number": number}
    ada.rest.issues.add_labels(**at, labels=["oneshot"])
    github.rest.issues.create_comment(**at, body="on it")
    ada.rest.issues.remove_label(**at, name="oneshot")
    ada.rest.issues.update(**at, state="closed")
    events = github.rest.issues.list_events_for_timeline(**at).parsed_data
    assert [(e.event, e.actor.login) for e in events] == [
        ("labeled", "ada"),
        ("commented", "oneshot"),
        ("unlabeled", "ada"),
        ("closed", "ada"),
    ]
    assert events[0].label.name == "oneshot"


def test_comments_parse_over_all_pages(github, shop):
    number = github.rest.issues.create(**AT, title="Bug").parsed_data.number
    made = [github.rest.issues.create_comment(**AT, issue_number=number, body=f"{i}").parsed_data for i in range(5)]
    pages = github.rest.paginate(github.rest.issues.list_comments, **AT, issue_number=number, per_page=2)
    assert [c.body for c in pages] == ["0", "1", "2", "3", "4"]
    edited = github.rest.issues.update_comment(**AT, comment_id=made[0].id, body="new").parsed_data
    assert github.rest.issues.get_comment(**AT, comment_id=edited.id).parsed_data.body == "new"


def test_a_list_links_to_its_next_page(github, shop):
    number = github.rest.issues.create(**AT, title="Bug").parsed_data.number
    for body in ("a", "b", "c"):
        github.rest.issues.create_comment(**AT, issue_number=number, body=body)
    answer = github.rest.issues.list_comments(**AT, issue_number=number, per_page=2)
    assert 'rel="next"' in answer.headers["link"]
    assert "page=2" in answer.headers["link"]


def test_pulls_parse(github, pull):
    at = {**AT, "pull_number": pull.number}
    read = github.rest.pulls.get(**at).parsed_data
    assert (read.head.ref, read.base.ref, read.merged, read.mergeable_state) == ("feature", "main", False, "clean")
    assert (read.commits, read.additions, read.changed_files) == (1, 1, 1)
    listed = github.rest.pulls.list(**AT, head="acme:feature", state="all").parsed_data
    assert [p.number for p in listed] == [pull.number]
    assert github.rest.pulls.list(**AT, head="acme:other", state="all").parsed_data == []
    assert github.rest.pulls.update(**at, title="New").parsed_data.title == "New"
    assert github.rest.issues.get(**AT, issue_number=pull.number).parsed_data.pull_request


def test_the_merge_answer_parses_and_no_pull_shows_a_merge_commit(github, pull):
    at = {**AT, "pull_number": pull.number}
    merged = github.rest.pulls.merge(**at, sha=pull.head.sha, merge_method="squash").parsed_data
    assert merged.merged
    answer = github.rest.pulls.get(**at)
    assert answer.parsed_data.merged_by.login == "oneshot"
    assert "merge_commit_sha" not in answer.json()


def test_update_branch_parses(github, shop, pull):
    shop.branch("main2", "main")
    shop.commit({"other": "x\n"})
    shop.push("main2:main")
    answer = github.rest.pulls.update_branch(**AT, pull_number=pull.number, expected_head_sha=pull.head.sha)
    assert answer.status_code == 202
    assert answer.parsed_data.message


def test_reviews_parse(github, ada, pull):
    at = {**AT, "pull_number": pull.number}
    review = ada.rest.pulls.create_review(**at, event="APPROVE", body="good").parsed_data
    assert (review.state, review.commit_id) == ("APPROVED", pull.head.sha)
    assert [r.user.login for r in github.rest.pulls.list_reviews(**at).parsed_data] == ["ada"]
    dismissed = ada.rest.pulls.dismiss_review(**at, review_id=review.id, message="no").parsed_data
    assert dismissed.state == "DISMISSED"
    events = github.rest.issues.list_events_for_timeline(**AT, issue_number=pull.number).parsed_data
    assert "reviewed" in [e.event for e in events]


def test_review_comments_parse(github, ada, pull):
    at = {**AT, "pull_number": pull.number}
    body = {"body": "why?", "commit_id": pull.head.sha, "path": "price.txt", "line": 1}
    first = ada.rest.pulls.create_review_comment(**at, **body).parsed_data
    assert (first.path, first.line) == ("price.txt", 1)
    assert len(github.rest.pulls.list_review_comments(**at).parsed_data) == 1


def test_checks_parse(github, bot, pull):
    sha = pull.head.sha
    made = bot.rest.checks.create(**AT, name="oneshot", head_sha=sha, status="in_progress").parsed_data
    output = {"title": "Verdict", "summary": "pass"}
    done = bot.rest.checks.update(**AT, check_run_id=made.id, conclusion="success", output=output).parsed_data
    assert (done.status, done.conclusion, done.app.slug) == ("completed", "success", "oneshot")
    listed = github.rest.checks.list_for_ref(**AT, ref="feature", filter_="latest").parsed_data
    assert {(c.name, c.app.slug) for c in listed.check_runs} == {("ci", "github-actions"), ("oneshot", "oneshot")}
    assert github.rest.checks.get(**AT, check_run_id=made.id).parsed_data.output.title == "Verdict"


def test_checks_come_in_pages(github, bot, pull):
    for name in ("a", "b", "c"):
        bot.rest.checks.create(**AT, name=name, head_sha=pull.head.sha)
    pages = github.rest.paginate(
        github.rest.checks.list_for_ref,
        map_func=lambda r: r.parsed_data.check_runs,
        **AT,
        ref=pull.head.sha,
        per_page=2,
    )
    assert sorted(c.name for c in pages) == ["a", "b", "c", "ci"]


def test_only_the_latest_check_of_a_name_is_listed(github, bot, pull):
    for conclusion in ("failure", "success"):
        bot.rest.checks.create(**AT, name="lint", head_sha=pull.head.sha, conclusion=conclusion)
    latest = github.rest.checks.list_for_ref(**AT, ref=pull.head.sha, check_name="lint").parsed_data
    every = github.rest.checks.list_for_ref(**AT, ref=pull.head.sha, check_name="lint", filter_="all").parsed_data
    assert [c.conclusion for c in latest.check_runs] == ["success"]
    assert every.total_count == 2


def test_statuses_parse(github, pull):
    sha = pull.head.sha
    assert github.rest.repos.get_combined_status_for_ref(**AT, ref=sha).parsed_data.state == "pending"
    for state in ("pending", "success"):
        github.rest.repos.create_commit_status(**AT, sha=sha, state=state, context="audit")
    listed = github.rest.repos.list_commit_statuses_for_ref(**AT, ref=sha).parsed_data
    assert [s.state for s in listed] == ["success", "pending"]
    combined = github.rest.repos.get_combined_status_for_ref(**AT, ref=sha).parsed_data
    assert (combined.state, combined.total_count) == ("success", 1)


def test_branches_protection_and_rules_parse(forge, github, ada, shop):
    with pytest.raises(RequestFailed) as absent:
        github.rest.repos.get_branch_protection(**AT, branch="main")
    assert absent.value.response.parsed_data.message == "Branch not protected"
    forge.ada.set_protection("acme/shop", "main", contexts=["ci"], strict=True, approvals=2)
    guard = github.rest.repos.get_branch_protection(**AT, branch="main").parsed_data
    assert guard.required_status_checks.contexts == ["ci"]
    assert guard.required_pull_request_reviews.required_approving_review_count == 2
    branch = github.rest.repos.get_branch(**AT, branch="main").parsed_data
    assert (branch.protected, branch.commit.sha) == (True, shop.head())
    assert github.rest.git.get_ref(**AT, ref="heads/main").parsed_data.object_.sha == shop.head()
    assert [b.name for b in github.rest.repos.list_branches(**AT).parsed_data] == ["main"]


def test_rulesets_parse(forge, github, shop):
    assert github.rest.repos.get_branch_rules(**AT, branch="main").parsed_data == []
    forge.ada.require_checks("acme/shop", "ci")
    (rule,) = github.rest.repos.get_branch_rules(**AT, branch="main").parsed_data
    assert rule.type == "required_status_checks"
    assert [c.context for c in rule.parameters.required_status_checks] == ["ci"]


def test_deployments_parse(github, pull):
    sha = pull.head.sha
    wanted = {
        "ref": sha,
        "environment": "production",
        "auto_merge": False,
        "required_contexts": [],
        "payload": {"key": "k"},
    }
    made = github.rest.repos.create_deployment(**AT, **wanted)
    assert made.status_code == 201
    listed = github.rest.repos.list_deployments(**AT, sha=sha, environment="production").parsed_data
    assert [(d.id, d.payload.model_dump()) for d in listed] == [(made.parsed_data.id, {"key": "k"})]
    at = {**AT, "deployment_id": made.parsed_data.id}
    assert github.rest.repos.create_deployment_status(**at, state="success").parsed_data.state == "success"
    assert [s.state for s in github.rest.repos.list_deployment_statuses(**at).parsed_data] == ["success"]


def test_a_refusal_parses_as_githubs_error(github, pull):
    with pytest.raises(RequestFailed) as second:
        github.rest.pulls.create(**AT, title="Again", head="feature", base="main")
    error = second.value.response.parsed_data
    assert (second.value.response.status_code, error.message) == (422, "Validation Failed")
    assert error.errors[0].message == "A pull request already exists for acme:feature."


PULL_QUERY = """
query($owner: String!, $repo: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $repo) {
    pullRequest(number: $number) {
      headRefOid mergeStateStatus merged mergeCommit { oid } mergedBy { login }
      reviewThreads(first: 1, after: $after) {
        nodes { id isResolved path line comments(first: 1) { nodes { author { login } body } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}"""


def test_threads_page_and_resolve_through_graphql(forge, github, pull):
    for line in (1, 2):
        forge.ada.open_thread("acme/shop", pull.number, path="price.txt", line=line, body=f"line {line}?")
    at = {**AT, "number": pull.number}
    first = github.graphql(PULL_QUERY, at)["repository"]["pullRequest"]
    after = first["reviewThreads"]["pageInfo"]["endCursor"]
    second = github.graphql(PULL_QUERY, {**at, "after": after})["repository"]["pullRequest"]["reviewThreads"]
    assert first["headRefOid"] == pull.head.sha
    assert [n["line"] for n in first["reviewThreads"]["nodes"] + second["nodes"]] == [1, 2]
    assert second["nodes"][0]["comments"]["nodes"] == [{"author": {"login": "ada"}, "body": "line 2?"}]
    assert not second["pageInfo"]["hasNextPage"]
    resolve = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
    done = github.graphql(resolve, {"id": second["nodes"][0]["id"]})
    assert done["resolveReviewThread"]["thread"]["isResolved"]


def test_the_merge_commit_is_told_through_graphql(github, pull):
    merged = github.rest.pulls.merge(**AT, pull_number=pull.number, sha=pull.head.sha).parsed_data
    told = github.graphql(PULL_QUERY, {**AT, "number": pull.number})["repository"]["pullRequest"]
    assert (told["merged"], told["mergeCommit"], told["mergedBy"]) == (True, {"oid": merged.sha}, {"login": "oneshot"})


def test_an_unknown_repository_is_a_graphql_error(github, shop):
    with pytest.raises(GraphQLFailed, match="Could not resolve to a Repository"):
        github.graphql(PULL_QUERY, {"owner": "acme", "repo": "none", "number": 1})
