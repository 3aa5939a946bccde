"""Routes: reviews, and review comments with the threads that they make."""

from dataclasses import replace

from oneshot_dagster.local.forge.auth import permission
from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.records import Review, ReviewComment, Thread
from oneshot_dagster.local.forge.rest.pulls import row
from oneshot_dagster.local.forge.shapes import pulls as shapes
from oneshot_dagster.local.forge.shapes.people import simple_user
from oneshot_dagster.local.forge.standing import live
from oneshot_dagster.local.forge.world import now

_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def create_review(call: Call) -> Answer:
    pull, issue, world = call.pull(), call.issue(), call.forge.world
    event, body = call.text("event", "COMMENT"), call.text("body", "")
    if event not in _STATES:
        invalid("event", "invalid")
    if event != "COMMENT" and issue.author == call.user.login:
        what = "approve" if event == "APPROVE" else "request changes on"
        raise Refusal(422, "Unprocessable Entity", [f"Can not {what} your own pull request"])
    if event == "REQUEST_CHANGES" and not body:
        raise Refusal(422, "Unprocessable Entity", ["You need to leave a comment indicating the requested changes."])
    head = live(call.forge, call.repository, pull).pull.head_sha
    review = Review(
        id=world.next_id(),
        repository=call.repository.id,
        number=pull.number,
        author=call.user.login,
        body=body,
        state=_STATES[event],
        commit_sha=call.text("commit_id", head),
        submitted_at=now(),
    )
    world.put(review)
    if call.user.login in pull.reviewers:  # who has answered is not asked any more
        world.put(replace(pull, reviewers=tuple(n for n in pull.reviewers if n != call.user.login)))
    return Answer(body=shapes.review(call.urls, call.repository, review))


def list_reviews(call: Call) -> Answer:
    number = call.pull().number
    rows = [r for r in call.forge.world.all(Review, call.repository) if r.number == number]
    return call.page([shapes.review(call.urls, call.repository, r) for r in rows])


def _review(call: Call) -> Review:
    found = call.forge.world.get(Review, call.number("review"))
    mine = found and (found.repository, found.number) == (call.repository.id, call.number("number"))
    return found if found and mine else not_found()


def get_review(call: Call) -> Answer:
    return Answer(body=shapes.review(call.urls, call.repository, _review(call)))


def dismiss(call: Call) -> Answer:
    review, issue = _review(call), call.issue()
    message = call.text("message")
    if review.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise Refusal(422, f"Can not dismiss a {review.state.lower().replace('_', ' ')} pull request review")
    about = {"review": str(review.id), "state": review.state.lower(), "message": message}
    call.forge.world.tell(issue, "review_dismissed", call.user.login, about=about)
    dismissed = call.forge.world.put(replace(review, state="DISMISSED"))
    return Answer(body=shapes.review(call.urls, call.repository, dismissed))


def request_reviewers(call: Call) -> Answer:
    """People with access to the repository, not the author."""
    pull, issue, names = call.pull(), call.issue(), call.words("reviewers")
    if issue.author in names:
        raise Refusal(422, "Review cannot be requested from pull request author.")
    strangers = [n for n in names if permission(call.repository, n) == "none"]
    if strangers:
        refused = (
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not"
        )
        raise Refusal(422, f"{refused} a collaborator of the {call.repository.full_name} repository.")
    for name in dict.fromkeys(n for n in names if n not in pull.reviewers):
        call.forge.world.tell(issue, "review_requested", call.user.login, about={"reviewer": name})
    asked = tuple(dict.fromkeys((*pull.reviewers, *names)))
    pull = call.forge.world.put(replace(pull, reviewers=asked))
    return Answer(status=201, body=shapes.pull_simple(call.urls, call.repository, row(call, pull)))


def list_reviewers(call: Call) -> Answer:
    return Answer(body={"users": [simple_user(call.urls, n) for n in call.pull().reviewers], "teams": []})


def reply(call: Call) -> Answer:
    first = call.forge.world.get(ReviewComment, call.number("comment"))
    if first is None or first.in_reply_to is not None:
        not_found()
    return create_comment(replace(call, body={**call.body, "in_reply_to": first.id}))


def create_comment(call: Call) -> Answer:
    """A new thread, or an answer in one by `in_reply_to`."""
    pull, world = call.pull(), call.forge.world
    first = _answered(call)
    thread = world.get(Thread, first.thread) if first else _new_thread(call)
    comment = ReviewComment(
        id=world.next_id(),
        repository=call.repository.id,
        number=pull.number,
        thread=thread.id if thread else not_found(),
        author=call.user.login,
        body=call.text("body"),
        commit_sha=first.commit_sha if first else call.text("commit_id"),
        created_at=now(),
        in_reply_to=first.id if first else None,
    )
    world.put(comment)
    return Answer(status=201, body=shapes.review_comment(call.urls, call.repository, comment, thread))


def _answered(call: Call) -> ReviewComment | None:
    wanted = call.body.get("in_reply_to")
    if wanted is None:
        return None
    found = call.forge.world.get(ReviewComment, wanted) if isinstance(wanted, int) else None
    return found if found and found.number == call.number("number") else not_found()


def _new_thread(call: Call) -> Thread:
    line = call.body.get("line")
    number = line if isinstance(line, int) else None
    return call.forge.world.put(
        Thread(
            id=call.forge.world.next_id(),
            repository=call.repository.id,
            number=call.number("number"),
            path=call.text("path"),
            line=number,
            original_line=number,
            sha=call.text("commit_id"),
        )
    )


def list_comments(call: Call) -> Answer:
    number, world = call.pull().number, call.forge.world
    rows = [(c, world.get(Thread, c.thread)) for c in world.all(ReviewComment, call.repository) if c.number == number]
    return call.page([shapes.review_comment(call.urls, call.repository, c, t) for c, t in rows if t])


_PULL = "/repos/{owner}/{repo}/pulls/{number}"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_PULL + "/reviews", handler=list_reviews),
    Endpoint(method="POST", pattern=_PULL + "/reviews", handler=create_review),
    Endpoint(method="GET", pattern=_PULL + "/reviews/{review}", handler=get_review),
    Endpoint(method="PUT", pattern=_PULL + "/reviews/{review}/dismissals", handler=dismiss, needs="write"),
    Endpoint(method="GET", pattern=_PULL + "/comments", handler=list_comments),
    Endpoint(method="POST", pattern=_PULL + "/comments", handler=create_comment),
    Endpoint(method="POST", pattern=_PULL + "/comments/{comment}/replies", handler=reply),
    Endpoint(method="GET", pattern=_PULL + "/requested_reviewers", handler=list_reviewers),
    Endpoint(method="POST", pattern=_PULL + "/requested_reviewers", handler=request_reviewers, needs="write"),
)
