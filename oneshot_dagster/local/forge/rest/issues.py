"""Routes: issues, labels, the timeline, comments. A pull request is an issue here too."""

from dataclasses import replace

from oneshot_dagster.local.forge.auth import may
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid
from oneshot_dagster.local.forge.pushes import close
from oneshot_dagster.local.forge.records import Comment, Event, Issue, Label, Review
from oneshot_dagster.local.forge.shapes import issues as shapes
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.shapes.pulls import timeline_review
from oneshot_dagster.local.forge.world import now


def shown(call: Call, issue: Issue) -> Json:
    world, repo = call.forge.world, call.repository
    parts = shapes.IssueParts(
        labels=tuple(world.label(repo, name) for name in issue.labels),
        comments=sum(c.number == issue.number for c in world.all(Comment, repo)),
        pull=world.pull(repo, issue.number),
    )
    return shapes.issue(call.urls, repo, issue, parts)


def list_issues(call: Call) -> Answer:
    wanted = call.query.get("state", "open")
    labels = {x.lower() for x in call.query.get("labels", "").split(",") if x}
    found = [
        i
        for i in call.forge.world.all(Issue, call.repository)
        if wanted in {"all", "open" if i.open else "closed"}
        and labels <= {x.lower() for x in i.labels}
        and i.updated_at >= call.query.get("since", "")
        and call.query.get("creator", i.author) == i.author
    ]
    by_update = call.query.get("sort") == "updated"
    newest_first = call.query.get("direction", "desc") == "desc"
    ordered = sorted(found, key=lambda i: (i.updated_at if by_update else i.created_at, i.number), reverse=newest_first)
    return call.page([shown(call, i) for i in ordered])


def create_issue(call: Call) -> Answer:
    world, repo = call.forge.world, call.repository
    title, body, labels = call.text("title"), call.text("body", ""), call.words("labels")
    issue = Issue(
        id=world.next_id(),
        repository=repo.id,
        number=world.next_number(repo),
        title=title,
        body=body,
        author=call.user.login,
        created_at=now(),
        updated_at=now(),
    )
    world.put(issue)
    if may(repo, call.user.login, "triage"):  # GitHub drops labels of people who may not label, silently
        issue = put_labels(call, issue, labels)
    return Answer(status=201, body=shown(call, issue))


def get_issue(call: Call) -> Answer:
    return Answer(body=shown(call, call.issue()))


def patch_issue(call: Call) -> Answer:
    issue = call.issue()
    if not may(call.repository, call.user.login, "triage") and issue.author != call.user.login:
        raise Refusal(403, "Must have triage rights to Repository.")
    state = call.text("state", "open" if issue.open else "closed")
    if state not in {"open", "closed"}:
        invalid("state", "invalid")
    title, body = call.text("title", issue.title), call.text("body", issue.body)
    issue = retitle(call, issue, title, body)
    if "labels" in call.body:
        issue = put_labels(call, issue, call.words("labels"), replacing=True)
    return Answer(body=shown(call, set_state(call, issue, state)))


def retitle(call: Call, issue: Issue, title: str, body: str) -> Issue:
    if title != issue.title:
        call.forge.world.tell(issue, "renamed", call.user.login, about={"from": issue.title, "to": title})
    if body != issue.body:
        issue = replace(issue, edited_at=now(), editor=call.user.login)
    return call.forge.world.put(replace(issue, title=title, body=body, updated_at=now()))


def set_state(call: Call, issue: Issue, state: str) -> Issue:
    if state == "closed" and issue.open:
        return close(call.forge, issue, call.user.login, reason=call.text("state_reason", "completed"))
    if state == "open" and not issue.open:
        call.forge.world.tell(issue, "reopened", call.user.login)
        return call.forge.world.put(
            replace(issue, open=True, closed_at=None, closed_by=None, state_reason="reopened", updated_at=now())
        )
    return issue


def put_labels(call: Call, issue: Issue, names: tuple[str, ...], *, replacing: bool = False) -> Issue:
    """Adds labels, or sets exactly these; each real change is a line in the timeline."""
    world = call.forge.world
    wanted = tuple(dict.fromkeys(world.label(call.repository, n).name for n in names))
    removed = tuple(x for x in issue.labels if replacing and x not in wanted)
    added = tuple(x for x in wanted if x not in issue.labels)
    for name in removed:
        world.tell(issue, "unlabeled", call.user.login, label=name)
    for name in added:
        world.tell(issue, "labeled", call.user.login, label=name)
    kept = tuple(x for x in issue.labels if x not in removed)
    return world.put(replace(issue, labels=kept + added, updated_at=now()))


def _label_list(call: Call, issue: Issue) -> list[Json]:
    rows = [call.forge.world.label(call.repository, name) for name in issue.labels]
    return [shapes.label(call.urls, call.repository, row) for row in rows]


def list_labels(call: Call) -> Answer:
    return call.page(_label_list(call, call.issue()))


def add_labels(call: Call) -> Answer:
    issue = put_labels(call, call.issue(), call.words("labels"))
    return Answer(body=_label_list(call, issue))


def replace_labels(call: Call) -> Answer:
    issue = put_labels(call, call.issue(), call.words("labels"), replacing=True)
    return Answer(body=_label_list(call, issue))


def create_label(call: Call) -> Answer:
    world, repo, name = call.forge.world, call.repository, call.text("name")
    if any(x.name.lower() == name.lower() for x in world.all(Label, repo)):
        raise Refusal(422, "Validation Failed", [{"resource": "Label", "code": "already_exists", "field": "name"}])
    fresh = Label(
        id=world.next_id(),
        repository=repo.id,
        name=name,
        color=call.text("color", "ededed").removeprefix("#"),
        description=call.text("description", "") or None,
    )
    return Answer(status=201, body=shapes.label(call.urls, repo, world.put(fresh)))


def remove_label(call: Call) -> Answer:
    issue, wanted = call.issue(), call.path["name"].lower()
    found = next((x for x in issue.labels if x.lower() == wanted), None)
    if found is None:
        raise Refusal(404, "Label does not exist")
    issue = put_labels(call, issue, tuple(x for x in issue.labels if x != found), replacing=True)
    return Answer(body=_label_list(call, issue))


def repository_labels(call: Call) -> Answer:
    rows = call.forge.world.all(Label, call.repository)
    return call.page([shapes.label(call.urls, call.repository, row) for row in rows])


def timeline(call: Call) -> Answer:
    """Events, comments and reviews as they happened."""
    world, repo, number, urls = call.forge.world, call.repository, call.issue().number, call.urls
    colors = {x.name: x.color for x in world.all(Label, repo)}
    lines = [
        (e.created_at, e.id, shapes.timeline_event(urls, repo, e, colors))
        for e in world.all(Event, repo)
        if e.number == number
    ]
    lines += [
        (c.created_at, c.id, shapes.timeline_comment(urls, repo, c))
        for c in world.all(Comment, repo)
        if c.number == number
    ]
    lines += [
        (r.submitted_at, r.id, timeline_review(urls, repo, r)) for r in world.all(Review, repo) if r.number == number
    ]
    return call.page([line for _, _, line in sorted(lines, key=lambda x: x[:2])])


_ISSUES = "/repos/{owner}/{repo}/issues"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_ISSUES, handler=list_issues),
    Endpoint(method="POST", pattern=_ISSUES, handler=create_issue),
    Endpoint(method="GET", pattern=_ISSUES + "/{number}", handler=get_issue),
    Endpoint(method="PATCH", pattern=_ISSUES + "/{number}", handler=patch_issue),
    Endpoint(method="GET", pattern=_ISSUES + "/{number}/labels", handler=list_labels),
    Endpoint(method="POST", pattern=_ISSUES + "/{number}/labels", handler=add_labels, needs="triage"),
    Endpoint(method="PUT", pattern=_ISSUES + "/{number}/labels", handler=replace_labels, needs="triage"),
    Endpoint(method="POST", pattern="/repos/{owner}/{repo}/labels", handler=create_label, needs="triage"),
    Endpoint(method="DELETE", pattern=_ISSUES + "/{number}/labels/{name:path}", handler=remove_label, needs="triage"),
    Endpoint(method="GET", pattern="/repos/{owner}/{repo}/labels", handler=repository_labels),
    Endpoint(method="GET", pattern=_ISSUES + "/{number}/timeline", handler=timeline),
)
