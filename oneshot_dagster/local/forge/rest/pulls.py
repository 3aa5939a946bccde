"""Routes: pull requests, their merge and the update of their branch."""

from dataclasses import replace

from oneshot_dagster.local.forge import landing, tips
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.pushes import start_ci
from oneshot_dagster.local.forge.records import Comment, Issue, Pull, ReviewComment
from oneshot_dagster.local.forge.rest.issues import retitle, set_state
from oneshot_dagster.local.forge.shapes import pulls as shapes
from oneshot_dagster.local.forge.shapes.people import Json
from oneshot_dagster.local.forge.standing import live
from oneshot_dagster.local.forge.world import now


def row(call: Call, pull: Pull) -> shapes.PullRow:
    issue = call.forge.world.issue(call.repository, pull.number) or not_found()
    labels = tuple(call.forge.world.label(call.repository, name) for name in issue.labels)
    return shapes.PullRow(issue=issue, pull=pull, labels=labels)


def full(call: Call, pull: Pull) -> Json:
    world, repo = call.forge.world, call.repository
    found = live(call.forge, repo, pull)
    state = shapes.PullState(
        mergeable_state=found.word,
        mergeable=found.mergeable,
        comments=sum(c.number == pull.number for c in world.all(Comment, repo)),
        review_comments=sum(c.number == pull.number for c in world.all(ReviewComment, repo)),
        comparison=found.comparison,
    )
    return shapes.pull_full(call.urls, repo, row(call, found.pull), state)


def get_pull(call: Call) -> Answer:
    return Answer(body=full(call, call.pull()))


def list_pulls(call: Call) -> Answer:
    """`head` is owner:branch; the order is GitHub's, newest first."""
    wanted, head, base = call.query.get("state", "open"), call.query.get("head"), call.query.get("base")
    owner = call.repository.owner
    rows = [row(call, _live_refs(call, p)) for p in call.forge.world.all(Pull, call.repository)]
    found = [
        r
        for r in rows
        if wanted in {"all", "open" if r.issue.open else "closed"}
        and head in {None, f"{owner}:{r.pull.head_ref}"}
        and base in {None, r.pull.base_ref}
    ]
    descending = call.query.get("direction", "desc") == "desc"
    found.sort(key=lambda r: r.pull.number, reverse=descending)
    return call.page([shapes.pull_simple(call.urls, call.repository, r) for r in found])


def _live_refs(call: Call, pull: Pull) -> Pull:
    issue = call.forge.world.issue(call.repository, pull.number)
    if issue is None or not issue.open:
        return pull
    path = call.forge.repos.path(call.repository.owner, call.repository.name)
    head, base = call.forge.repos.head(path, pull.head_ref), call.forge.repos.head(path, pull.base_ref)
    return replace(pull, head_sha=head or pull.head_sha, base_sha=base or pull.base_sha)


def create_pull(call: Call) -> Answer:
    world, repo = call.forge.world, call.repository
    head_ref, base_ref, title = call.text("head"), call.text("base"), call.text("title")
    head_ref = head_ref.removeprefix(f"{repo.owner}:")
    head, base = _ends(call, head_ref, base_ref)
    _refuse_second(call, head_ref, base_ref)
    if call.forge.repos.compare(call.forge.repos.path(repo.owner, repo.name), base, head).ahead == 0:
        _refuse(f"No commits between {base_ref} and {head_ref}")
    issue = Issue(
        id=world.next_id(),
        repository=repo.id,
        number=world.next_number(repo),
        title=title,
        body=call.text("body", ""),
        author=call.user.login,
        created_at=now(),
        updated_at=now(),
    )
    pull = Pull(
        id=world.next_id(),
        repository=repo.id,
        number=issue.number,
        head_ref=head_ref,
        head_sha=head,
        base_ref=base_ref,
        base_sha=base,
        draft=call.body.get("draft") is True,
        pushed_by=tips.pushed_by(call.forge, repo, head_ref) or call.user.login,
    )
    world.put(issue)
    pull = start_ci(call.forge, repo, world.put(pull), "opened")
    return Answer(status=201, body=full(call, pull))


def _ends(call: Call, head_ref: str, base_ref: str) -> tuple[str, str]:
    path = call.forge.repos.path(call.repository.owner, call.repository.name)
    head, base = call.forge.repos.head(path, head_ref), call.forge.repos.head(path, base_ref)
    if head is None:
        invalid("head", "invalid")
    if base is None:
        invalid("base", "invalid")
    return head, base


def _refuse_second(call: Call, head_ref: str, base_ref: str) -> None:
    for pull in call.forge.world.all(Pull, call.repository):
        issue = call.forge.world.issue(call.repository, pull.number)
        if issue and issue.open and (pull.head_ref, pull.base_ref) == (head_ref, base_ref):
            _refuse(f"A pull request already exists for {call.repository.owner}:{head_ref}.")


def _refuse(message: str) -> None:
    raise Refusal(422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}])


def patch_pull(call: Call) -> Answer:
    pull, issue, world = call.pull(), call.issue(), call.forge.world
    title, body = call.text("title", issue.title), call.text("body", issue.body)
    state = call.text("state", "open" if issue.open else "closed")
    base_ref = call.text("base", pull.base_ref)
    if state not in {"open", "closed"} or (state == "open" and pull.merged_at):
        invalid("state", "invalid")
    _, base = _ends(call, pull.head_ref, base_ref) if base_ref != pull.base_ref else (None, pull.base_sha)
    issue = retitle(call, issue, title, body)
    pull = world.put(replace(pull, base_ref=base_ref, base_sha=base))
    reopened = state == "open" and not issue.open
    if reopened:
        head, _ = _ends(call, pull.head_ref, base_ref)
        pull = world.put(replace(pull, head_sha=head))
    set_state(call, issue, state)
    if reopened:
        pull = start_ci(call.forge, call.repository, pull, "reopened")
    return Answer(body=full(call, pull))


def merge(call: Call) -> Answer:
    method = call.text("merge_method", "merge")
    if method not in {"merge", "squash", "rebase"}:
        invalid("merge_method", "invalid")
    wanted = landing.MergeRequest(
        sha=call.text("sha", "") or None,
        method=method,
        title=call.text("commit_title", "") or None,
        message=call.text("commit_message") if call.body.get("commit_message") is not None else None,
    )
    sha = landing.merge(call.forge, call.repository, call.issue(), wanted, call.user.login)
    return Answer(body={"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def is_merged(call: Call) -> Answer:
    return Answer(status=204 if call.pull().merged_at else 404)


def update_branch(call: Call) -> Answer:
    pull, expected = call.pull(), call.text("expected_head_sha", "") or None
    if not call.issue().open:
        raise Refusal(422, "Pull request is closed")
    landing.update_branch(call.forge, call.repository, pull, expected, call.user.login)
    url = f"{call.urls.page(call.repository)}/pull/{pull.number}"
    return Answer(status=202, body={"message": "Updating pull request branch.", "url": url})


_PULLS = "/repos/{owner}/{repo}/pulls"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_PULLS, handler=list_pulls),
    Endpoint(method="POST", pattern=_PULLS, handler=create_pull, needs="write"),
    Endpoint(method="GET", pattern=_PULLS + "/{number}", handler=get_pull),
    Endpoint(method="PATCH", pattern=_PULLS + "/{number}", handler=patch_pull, needs="write"),
    Endpoint(method="GET", pattern=_PULLS + "/{number}/merge", handler=is_merged),
    Endpoint(method="PUT", pattern=_PULLS + "/{number}/merge", handler=merge, needs="write", atomic=False),
    Endpoint(method="PUT", pattern=_PULLS + "/{number}/update-branch", handler=update_branch, needs="write"),
)
