"""Asks the judging model: the prompt, one try after another within the budget of judge failures, its answer held against the tree.
What an answer may be is domain.opinion; what follows from it is steps/evaluation."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from oneshot_dagster.domain.citations import checked, citations, count_lines, lines_gone
from oneshot_dagster.domain.errors import BadInput, NeedsHuman
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.judge_prompt import Shown, judge_prompt
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.opinion import OPINION_SCHEMA, JudgeFailure, ModelOpinion, parse_opinion
from oneshot_dagster.domain.policy import budgets
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.domain.test_results import from_json
from oneshot_dagster.services.agent.protocol import Usage
from oneshot_dagster.services.judge.protocol import Opinion, Question
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.spent import spent_budget, tokens_of, usd_of
from oneshot_dagster.steps.turn import Turn

PROMPT_BUDGET = 400_000  # characters, of the order of a hundred thousand tokens
_LONGEST_RAW = 256 * 1024
_FAILURE = "judge_failure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The last try. `said` is a JudgeFailure where no try that the budget allowed gave an opinion."""

    model: str
    prompt_sha256: str
    raw: str
    said: ModelOpinion | JudgeFailure
    tokens: int | None
    seconds: float


def shown_to_model(turn: Turn, snapshot: Snapshot, gate: Gate, proof: Proof | None) -> Shown:
    """Nothing that the agent said is in it."""
    attempt, store = turn.attempt, turn.store
    report = store.artifacts.report(attempt.id, kind="local", sha=snapshot.head_sha)
    answers = [r for a in (*turn.earlier(), attempt) for r in store.requests.of(a.id) if r.kind == "answer"]
    return Shown(
        repository=attempt.key.repository,
        key=str(attempt.key),
        attempt=attempt.number,
        issue_title=attempt.inputs.issue_title,
        issue_body=attempt.inputs.issue_body,
        snapshot=snapshot,
        gate=gate,
        suites=tuple(from_json(suite) for suite in report.suites) if report else (),
        proof=proof,
        asked=attempt.inputs.prompt,
        answers=tuple((request.by, request.text) for request in answers),
        instructions=_instructions(turn),
        browses=turn.services.judge.browses,
    )


def _instructions(turn: Turn) -> str:
    """The repository's own for its judges, as they are at the base."""
    path = turn.policy.judge.instructions
    if path is None:
        return ""
    found = turn.services.git.read_file(turn.attempt.key.repository, sha=turn.attempt.base_sha or "", path=path)
    if found is None:
        raise NeedsHuman(
            f"the policy's [judge] instructions, {path}, is not there at the base", reason="judge_instructions"
        )
    return found.decode(errors="replace")


def unseen(shown: Shown) -> tuple[str, ...]:
    """Files of which a model that cannot browse does not see all that changed."""
    return () if shown.browses else judge_prompt(_template(), shown, PROMPT_BUDGET).unseen


def ask(turn: Turn, shown: Shown) -> Answer | None:
    """None where the change was stopped meanwhile. Each failure is on record before the next try, so a crash gives none back."""
    allowed = budgets(turn.policy, turn.services.limits.caps).judge_format
    tries, problem = _failures(turn), ""
    while True:
        answer = _ask_once(turn, replace(shown, problem=problem))
        if answer is None or not isinstance(answer.said, JudgeFailure):
            return answer
        tries, problem = tries + 1, answer.said.problem
        turn.fact("engine", _FAILURE, {"problem": problem, "try": tries, "prompt_sha256": answer.prompt_sha256})
        turn.say(f"the judge failed ({tries} of {allowed + 1}): {problem}")
        if tries > allowed:
            return answer


def _failures(turn: Turn) -> int:
    """Of the whole change, since a person last let it go on."""
    attempts = [*turn.earlier(), turn.attempt]
    moves = [step for attempt in attempts for step in turn.store.runs.transitions(attempt.id)]
    since = max((step.at for step in moves if step.source is State.NEEDS_HUMAN), default=None)
    facts = [fact for attempt in attempts for fact in turn.store.facts.of(attempt.id) if fact.kind == _FAILURE]
    return sum(since is None or fact.at > since for fact in facts)


def _ask_once(turn: Turn, shown: Shown) -> Answer | None:
    judge, head = turn.services.judge, shown.snapshot.head_sha
    over = spent_budget(turn.services, turn.attempt)
    if over is not None:
        raise NeedsHuman(f"the budget of {turn.attempt.key} is spent ({over}); the judge was not asked", reason=over)
    prompt = judge_prompt(_template(), shown, PROMPT_BUDGET).text
    turn.file("judge-prompt", prompt.encode(), "text/markdown")
    sha256 = hashlib.sha256(prompt.encode()).hexdigest()
    turn.say(f"{judge.model} is asked for its opinion of {head[:7]}")
    with _tree(turn, head) as tree:
        opinion = judge.ask(Question(prompt=prompt, schema=OPINION_SCHEMA, tree=tree), cancelled=turn.cancelled)
    if opinion is None:
        return None
    turn.check_lease()
    turn.file("judge-answer", opinion.raw.encode(errors="replace"), "application/json")
    used = Usage(
        input_tokens=opinion.input_tokens,
        cached_tokens=opinion.cached_tokens,
        output_tokens=opinion.output_tokens,
        model=opinion.model,
    )
    tokens = tokens_of(used)
    told = {"model": opinion.model, "prompt_sha256": sha256, "tokens": tokens, "seconds": round(opinion.seconds, 3)}
    turn.fact("engine", "judge_session", told | {"usd": usd_of(turn.services, used)}, sha=head)
    return Answer(
        model=opinion.model,
        prompt_sha256=sha256,
        raw=_storable(opinion.raw),
        said=_read(turn, opinion, shown.snapshot),
        tokens=tokens,
        seconds=opinion.seconds,
    )


def _read(turn: Turn, opinion: Opinion, snapshot: Snapshot) -> ModelOpinion | JudgeFailure:
    if opinion.problem:
        return JudgeFailure(opinion.problem)
    said = parse_opinion(opinion.raw)
    if isinstance(said, JudgeFailure):
        return said
    gone = lines_gone(snapshot)
    found = {
        path: _lines(turn, snapshot.head_sha, path) for path in {place.path for place in citations(said)} - set(gone)
    }
    lines = gone | {path: count for path, count in found.items() if count is not None}
    return checked(said, lines=lines, touched=frozenset(file.path for file in snapshot.files))


def _lines(turn: Turn, sha: str, path: str) -> int | None:
    try:
        content = turn.services.git.read_file(turn.attempt.key.repository, sha=sha, path=path)
    except BadInput:  # no path of a tree
        return None
    return None if content is None else count_lines(content)


@contextmanager
def _tree(turn: Turn, sha: str) -> Generator[Path | None]:
    """The head's files in a folder of their own, for a judge that browses: never the worktree."""
    if not turn.services.judge.browses:
        yield None
        return
    with exported(turn, sha, purpose="judged") as tree:
        yield tree


def _template() -> str:
    return files("oneshot_dagster.domain").joinpath("texts", "judge_prompt.md").read_text(encoding="utf-8")


def _storable(raw: str) -> str:
    """As a database takes it; the stored file has the whole."""
    return raw.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:_LONGEST_RAW]
