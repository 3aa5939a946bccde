"""The prompt of an attempt: what the issue, people, the repository, memories and the attempt before have to say to the agent.
The words around it are texts/agent_prompt.md or the policy's own; rendering and cutting is domain.prompt."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.resources import files

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.commands import may_command
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.prompt import Guidance, PromptParts, Said, render_prompt, whole_template
from oneshot_dagster.domain.threads import AskedThread, conversation
from oneshot_dagster.steps.turn import Turn

BUDGET = 120_000  # characters
MEMORIES = 5
THREADS = "threads-asked"  # the file of the threads that the prompt numbers, for the replies afterwards
_LONGEST_TEMPLATE = BUDGET // 3
_ASKING = frozenset({"CHANGES_REQUESTED", "COMMENTED"})


def prompt_of(turn: Turn) -> str:
    attempt, services = turn.attempt, turn.services
    inputs, earlier = attempt.inputs, turn.earlier()
    before = earlier[-1] if earlier else None
    trusted = _trust(turn)
    reviewers = {login.removeprefix("@").lower() for login in turn.policy.gate.reviewers}

    def reviews(login: str) -> bool:
        return login.lower() in reviewers or trusted(login)

    asked = f"{inputs.issue_title}\n{inputs.issue_body}"
    failures = failures_of(turn, before)
    parts = PromptParts(
        repository=attempt.key.repository,
        key=str(attempt.key),
        attempt=attempt.number,
        issue_title=inputs.issue_title,
        issue_body=inputs.issue_body,
        instructions=inputs.prompt,
        answers=_answers(turn),
        comments=_comments(turn, trusted),
        guidance=tuple(_guidance(turn)),
        commands=(*map(_was_run, turn.policy.agent.setup), *turn.policy.tests.commands),
        memories=services.store.notes.recall(
            attempt.key.repository, text=_sought(asked, failures), limit=MEMORIES, not_of=attempt.key
        ),
        failures=failures,
        deployed_failures=_after_the_deployment(turn, before),
        reviews=_reviews(turn, before, reviews),
        threads=_threads(turn, before, reviews),
        missing=_missing(turn, before),
        next_prompt=attempt.next_prompt,
    )
    return render_prompt(_template(turn), parts, BUDGET)


def _was_run(line: str) -> str:
    return f"{line}    # set-up: it is run in this folder before you start"


def _template(turn: Turn) -> str:
    standard = files("oneshot_dagster.domain").joinpath("texts", "agent_prompt.md").read_text()
    own = turn.policy.prompt.file
    if own is None:
        return standard
    text = _at_base(turn, own)
    if text is None or len(text) > _LONGEST_TEMPLATE:
        found = "is not there" if text is None else f"is longer than {_LONGEST_TEMPLATE} characters"
        base = (turn.attempt.base_sha or "")[:7]
        raise NeedsHuman(f"{own}, which the policy names as the prompt, {found} at {base}", reason="prompt_file")
    return whole_template(text, standard)


def _at_base(turn: Turn, path: str) -> str | None:
    """As the base has it: what the attempt itself wrote there is not heeded."""
    content = turn.services.git.read_file(turn.attempt.key.repository, sha=turn.attempt.base_sha or "", path=path)
    return content.decode(errors="replace") if content is not None else None


def _guidance(turn: Turn) -> Iterator[Guidance]:
    for path in turn.policy.prompt.guidance:
        text = _at_base(turn, path)
        if text is not None:
            yield Guidance(path=path, text=text)


def _trust(turn: Turn) -> Callable[[str], bool]:
    """Who has write access; each is asked for once, and our own words are nobody's."""
    github, known = turn.services.github, {turn.services.github.login: False}

    def trusted(login: str) -> bool:
        if login not in known:
            known[login] = may_command(github.permission(turn.attempt.key.repository, login))
        return known[login]

    return trusted


def _comments(turn: Turn, trusted: Callable[[str], bool]) -> tuple[Said, ...]:
    key = turn.attempt.key
    found = turn.services.github.comments(key.repository, key.issue_number)
    return tuple(Said(author=c.author, text=c.body) for c in found if trusted(c.author))


def _answers(turn: Turn) -> tuple[Said, ...]:
    """To this change, by people who may command."""
    requests = [request for of in (*turn.earlier(), turn.attempt) for request in turn.store.requests.of(of.id)]
    return tuple(Said(author=r.by, text=r.text) for r in requests if r.kind == "answer" and r.text.strip())


def failures_of(turn: Turn, before: Attempt | None) -> tuple[Failure, ...]:
    """What failed in the attempt before, with the logs that it left."""
    kept = turn.read_file("failures", of=before.id) if before else None
    return tuple(Failure(name=f["name"], log=f["log"]) for f in json.loads(kept)) if kept else ()


def _after_the_deployment(turn: Turn, before: Attempt | None) -> tuple[Failure, ...]:
    if before is None or before.merge_sha is None:
        return ()
    report = turn.store.artifacts.report(before.id, kind="verification", sha=before.merge_sha)
    return tuple(
        Failure(name=str(suite["suite"]), log=f"{suite.get('reason', '')}\n{suite.get('log_tail', '')}".strip())
        for suite in (report.suites if report else ())
        if suite["verdict"] != Verdict.PASSED
    )


def _missing(turn: Turn, before: Attempt | None) -> tuple[str, ...]:
    """What the last judgement of the attempt before missed, where that is why it came back."""
    evaluations = turn.store.artifacts.evaluations(before.id) if before else ()
    return evaluations[-1].missing_items if evaluations and evaluations[-1].decision != "pass" else ()


def _reviews(turn: Turn, before: Attempt | None, trusted: Callable[[str], bool]) -> tuple[Said, ...]:
    """Of the head that came back, by people with write access."""
    number = _open_pull(before)
    if before is None or number is None:
        return ()
    texts = turn.services.github.review_texts(turn.attempt.key.repository, number)
    return tuple(
        Said(author=text.author, text=text.body)
        for text in texts
        if text.commit_sha == before.head_sha and text.state in _ASKING and trusted(text.author)
    )


def _open_pull(before: Attempt | None) -> int | None:
    return None if before is None or before.merge_sha is not None else before.pr_number


def _threads(turn: Turn, before: Attempt | None, trusted: Callable[[str], bool]) -> tuple[AskedThread, ...]:
    """As they are now, so that a review that came late counts. Of a thread that somebody without write access began,
    nothing is shown, and of the others only who has it."""
    number = _open_pull(before)
    if number is None:
        return ()
    found = turn.services.github.threads(turn.attempt.key.repository, number)
    asked = tuple(
        AskedThread(
            thread_id=thread.thread_id,
            path=thread.path,
            line=thread.line,
            text=conversation([(c.author, c.body) for c in thread.comments if trusted(c.author)]),
        )
        for thread in found
        if not thread.is_resolved and thread.comments and trusted(thread.comments[0].author)
    )
    kept = {"head_sha": turn.attempt.head_sha, "threads": [asdict(thread) for thread in asked]}
    turn.file(THREADS, json.dumps(kept).encode(), "application/json")
    return asked


def _sought(asked: str, failures: tuple[Failure, ...]) -> str:
    """What memories are looked for by: the issue, and what failed."""
    return "\n".join([asked, *(f"{failure.name}\n{failure.log[-500:]}" for failure in failures)])
