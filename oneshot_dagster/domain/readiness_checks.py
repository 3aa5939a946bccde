"""Whether the checks that a change waits for can ever report on a pull request of ours.
https://docs.github.com/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks"""

from collections.abc import Iterator, Sequence

from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.readiness_facts import (
    Finding,
    Level,
    Reported,
    ReportedContexts,
    Required,
    Situation,
    Unread,
)
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.domain.workflows import FOLDER, Runs, Workflow

_ACTIONS = "github-actions"
_LET_RUN = "let it run on pull_request"
_REQUIRED = "required_context"


def required(situation: Situation) -> tuple[tuple[Required, str], ...]:
    """Every context that a change waits for, each once, with who asks for it. Our own follows the judgement."""
    asked: dict[str, tuple[Required, str]] = {}
    rules = situation.facts.base_rules
    for rule in () if isinstance(rules, Unread) else rules:
        for context in rule.contexts if rule.kind == "required_status_checks" else ():
            if context.name not in asked or context.app_id is not None:
                asked[context.name] = (context, rule.source)
    for name in situation.policy.gate.required_checks if situation.policy else ():
        asked.setdefault(name, (Required(name=name), "the policy's [gate] required_checks"))
    asked.pop(OUR_CHECK, None)
    return tuple(asked.values())


def needs_reports(situation: Situation) -> bool:
    """Whether what was reported before can change any answer: else nobody need ask."""
    running = [w for w in situation.workflows if w.runs is Runs.ALWAYS]
    contexts = [context.name for context, _ in required(situation)]
    if contexts:
        return not all(any(w.reports(name) for w in running) for name in contexts)
    return not running and not _allows_none(situation)


def of_checks(situation: Situation) -> Iterator[Finding]:
    contexts = required(situation)
    for context, source in contexts:
        yield _one(situation, context, one_line(source, 100))
    if not contexts:
        yield from _any(situation)
    for workflow in situation.workflows:
        if workflow.problem:
            found = f"{one_line(workflow.file, 100)} cannot be read: {one_line(workflow.problem, 150)}"
            yield Finding(code="workflow", level=Level.UNKNOWN, found=found)


def _one(situation: Situation, context: Required, source: str) -> Finding:
    code, name = _REQUIRED, one_line(context.name, 100)
    at, seen = [w for w in situation.workflows if w.reports(context.name)], _seen(situation, context)
    runs = {w.runs for w in at}
    if Runs.ALWAYS in runs:
        return Finding(code=code, level=Level.OK, found=f"{name} ({source}): {_files(at, Runs.ALWAYS)} reports it")
    if seen is not None and any(r.on_pull for r in seen) and not _is_stranded(at, seen):
        return Finding(code=code, level=Level.OK, found=f"{name} ({source}) reported on pull requests")
    if Runs.SOMETIMES in runs:
        found = f"{name} ({source}) reports only where certain paths change ({_files(at, Runs.SOMETIMES)})"
        do = "take the paths filter off the workflow and skip its jobs by `if`: a change elsewhere waits for ever"
        return Finding(code=code, level=Level.WARNING, found=found, do=do)
    unread = _unread(situation)
    if unread:
        return Finding(code=code, level=Level.UNKNOWN, found=f"whether {name} ({source}) can report: {unread}")
    return _unreported(situation, context, source, at, seen or ())


def _seen(situation: Situation, context: Required) -> tuple[Reported, ...] | None:
    """None where nobody looked. A status does not say which App set it, so it stands for any."""
    if isinstance(situation.reported, Unread):
        return None
    pins = {None, context.app_id}
    named = [r for r in situation.reported.contexts if r.name == context.name]
    return tuple(r for r in named if context.app_id is None or r.app_id in pins)


def _is_stranded(at: Sequence[Workflow], seen: Sequence[Reported]) -> bool:
    """It reported, but by a workflow that does not run for branches of ours."""
    return bool(at) and all(r.app == _ACTIONS for r in seen)


def _unread(situation: Situation) -> str:
    """Why something may report that we cannot see."""
    broken, rules = [w.file for w in situation.workflows if w.problem], situation.facts.base_rules
    if broken:
        return f"{one_line(broken[0], 100)} cannot be read"
    if isinstance(rules, Unread) or any(rule.kind == "workflows" for rule in rules):
        return "an organisation's workflow may do so"
    return f"did not look: {situation.reported.why}" if isinstance(situation.reported, Unread) else ""


def _unreported(
    situation: Situation, context: Required, source: str, at: Sequence[Workflow], seen: Sequence[Reported]
) -> Finding:
    reported = situation.reported if isinstance(situation.reported, ReportedContexts) else ReportedContexts()
    name, code = one_line(context.name, 100), _REQUIRED
    others = sorted({r.app for r in reported.contexts if r.name == context.name and r.on_pull} - {""})
    do = f"{_LET_RUN}, or no longer require it"
    if at and not any(r.app != _ACTIONS for r in seen):
        events = one_line(", ".join(w.events for w in at), 150)
        found = (
            f"{name} is required ({source}), but {_files(at)} runs on {events}: never for a pull request of codex/**"
        )
        return _grave(situation, code, found, do)
    if context.app_id is not None and others:
        found = f"{name} is required from App {context.app_id} ({source}), but {', '.join(others)} reports it"
        return _grave(situation, code, found, "require it from the App that reports it")
    if seen or (context.app_id is not None and not reported.pulls):
        found = f"{name} is required ({source}), but has not reported on any pull request yet"
        return Finding(
            code=code, level=Level.WARNING, found=found, do="see that it reports on pull requests of codex/**"
        )
    found = f"{name} is required ({source}), but no workflow reports it and nothing ever did"
    return _grave(
        situation, code, found, "mend its name or give it a job that runs on pull_request, or no longer require it"
    )


def _any(situation: Situation) -> Iterator[Finding]:
    """No check is required, but no check at all is not green, unless the policy says so."""
    if _allows_none(situation):
        return
    for level in (Runs.ALWAYS, Runs.SOMETIMES):
        if any(w.runs is level for w in situation.workflows):
            found = f"{_files(situation.workflows, level)} runs for pull requests of codex/**"
            some = " where certain paths change" if level is Runs.SOMETIMES else ""
            yield Finding(code="checks", level=Level.OK, found=found + some)
            return
    unread = _unread(situation)
    reported = situation.reported
    if unread or isinstance(reported, Unread):
        yield Finding(code="checks", level=Level.UNKNOWN, found=f"whether any check reports: {unread}")
    elif any(r.on_pull for r in reported.contexts):
        yield Finding(code="checks", level=Level.OK, found="checks reported on pull requests")
    else:
        yield _nothing_reports(situation, pulls=reported.pulls)


def _allows_none(situation: Situation) -> bool:
    return situation.policy is not None and situation.policy.gate.allow_no_checks


def _nothing_reports(situation: Situation, *, pulls: int) -> Finding:
    what = f"no workflow in {FOLDER} runs for pull requests of codex/**"
    do = f"give it CI that runs on pull_request, or say [gate] allow_no_checks = true on {situation.facts.base}"
    if not pulls:
        found = f"{what}, and there was no pull request to see other checks on"
        return Finding(code="checks", level=Level.WARNING, found=found, do=do)
    found = f"{what}, and no check reported on the last {pulls} pull requests: no check at all is not green"
    return _grave(situation, "checks", found, do)


def _files(workflows: Sequence[Workflow], runs: Runs | None = None) -> str:
    names = [w.file for w in workflows if runs is None or w.runs is runs]
    return one_line(", ".join(names[:3]) + (" and others" if len(names) > 3 else ""), 150)


def _grave(situation: Situation, code: str, found: str, do: str) -> Finding:
    """The gate waits for it in both modes that write."""
    level = Level.WARNING if situation.mode is Mode.OBSERVE else Level.IMPOSSIBLE
    return Finding(code=code, level=level, found=found, do=do)
