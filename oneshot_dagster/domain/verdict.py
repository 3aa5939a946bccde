"""What the judge's comment on the pull request says, for people: the verdict at one commit, and what a model said of it.
The rules' own table is tables.py; the page for who has to decide is brief.py."""

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.evaluation import Evaluation
from oneshot_dagster.domain.opinion import Decision, Requirement
from oneshot_dagster.domain.quoting import cell, one_line
from oneshot_dagster.domain.tables import rules_table, table

_SAID = {
    Decision.PASS: "does what the issue asks for",
    Decision.NEEDS_ITERATION: "needs another attempt",
    Decision.NEEDS_HUMAN: "needs a person",
}
_MOST = 20
_LINE = 400
_TOLD, _SHORT = 3, 200


def judge_comment(found: Evaluation, *, model: str, prompt_sha256: str) -> str:
    """The model's words in it are quoted and cut; none of them decided alone."""
    parts = (
        f"**Judged: {_SAID[found.decision]}** (`{found.decision}`), at `{found.sha}`.",
        requirements_table(found.coverage),
        _list("Missing", found.missing_items),
        _list("Suggested", found.suggested_fixes),
        f"### The rules\n\n{rules_table(found)}",
        _by_whom(model, prompt_sha256),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _by_whom(model: str, prompt_sha256: str) -> str:
    return (
        f"The rules judged first; {cell(model, 100)} could only make it stricter. It saw the issue, the files, the tests as they "
        f"were run and the gate, and nothing of what the agent says. Its prompt: sha256 `{prompt_sha256}`."
    )


def requirements_table(coverage: tuple[Requirement, ...]) -> str:
    rows = [(cell(r.requirement, _LINE), "yes" if r.covered else "**no**", cell(r.where)) for r in coverage]
    return table(("asked for", "there", "where"), rows) if rows else ""


def why(found: Evaluation) -> str:
    """The rules that do not hold, and what the model misses, in one sentence."""
    shut = [rule.detail for rule in found.rules if rule.verdict is not Verdict.PASSED]
    if found.opinion not in {None, Decision.PASS}:
        missed = [one_line(item, _SHORT) for item in found.missing_items if item not in shut]
        shut.append(f"the model says {found.opinion}" + (f": {'; '.join(missed[:_TOLD])}" if missed else ""))
    return "; ".join(shut) or "every rule holds"


def _list(head: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    more = [f"- and {len(items) - _MOST} more"] if len(items) > _MOST else []
    return "\n".join([f"### {head}", "", *(f"- {cell(item, _LINE)}" for item in items[:_MOST]), *more])
