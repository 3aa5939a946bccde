"""What the rules of the base let through, rulesets and classic protection alike; those of our branches are readiness_pushes.
https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets"""

from collections.abc import Callable, Iterator, Sequence

from oneshot_dagster.domain.policy_sections import MergeSection
from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.readiness_facts import Finding, Level, Rule, Situation, Unread
from oneshot_dagster.domain.run import Mode

_PROPOSE = "use mode propose"


def of_base(situation: Situation) -> Iterator[Finding]:
    """What a merge into the base meets. Required contexts are readiness_checks."""
    facts = situation.facts
    yield from _methods(situation)
    if facts.classic is not None:
        found = f"did not look at the classic protection of {facts.base}: {facts.classic.why}"
        yield Finding(code="protection", level=Level.UNKNOWN, found=found)
    if isinstance(facts.base_rules, Unread):
        found = f"did not look at the rules of {facts.base}: {facts.base_rules.why}"
        yield Finding(code="base_rules", level=Level.UNKNOWN, found=found)
        return
    for rule in facts.base_rules:
        judge = _BASE.get(rule.kind)
        if judge is not None and rule.bypassed is not True:
            yield from (doubted(rule, finding) for finding in judge(situation, rule))
    yield from _approvals(situation, facts.base_rules)


def doubted(rule: Rule, finding: Finding) -> Finding:
    """Where GitHub does not say whether the rule holds us, it is not known to refuse."""
    if rule.bypassed is None and finding.level is Level.IMPOSSIBLE:
        return Finding(code=finding.code, level=Level.UNKNOWN, found=finding.found, do=finding.do)
    return finding


def _grave(situation: Situation, code: str, found: str, do: str, *, modes: Sequence[Mode] = (Mode.MERGE,)) -> Finding:
    level = Level.IMPOSSIBLE if situation.mode in modes else Level.WARNING
    return Finding(code=code, level=level, found=found, do=do)


def _methods(situation: Situation) -> Iterator[Finding]:
    """https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/about-merge-methods-on-github"""
    facts, method = situation.facts, _method(situation)
    rules = () if isinstance(facts.base_rules, Unread) else facts.base_rules
    if facts.methods is None:
        yield Finding(
            code="merge_method", level=Level.UNKNOWN, found="GitHub does not tell which merge methods it allows"
        )
    elif method not in facts.methods:
        found = f"the policy merges by {method}, {facts.repository} allows {', '.join(facts.methods) or 'nothing'}"
        yield _grave(situation, "merge_method", found, f"allow {method} in its settings, or change [merge] method")
    elif not any(_refuses(rule, method) for rule in rules):
        yield Finding(code="merge_method", level=Level.OK, found=f"{method} is allowed")


def _method(situation: Situation) -> str:
    return (situation.policy.merge if situation.policy else MergeSection()).method


def _refuses(rule: Rule, method: str) -> bool:
    if rule.kind == "required_linear_history":
        return method == "merge"
    return rule.kind == "pull_request" and bool(rule.methods) and method not in rule.methods


def _allowed_methods(situation: Situation, rule: Rule) -> Iterator[Finding]:
    method = _method(situation)
    if not _refuses(rule, method):
        return
    allowed = " or ".join(rule.methods) or "squash or rebase"
    found = f"the policy merges by {method}, {named(rule)} demands {allowed}"
    yield _grave(situation, "merge_method", found, f'say [merge] method = "{(rule.methods or ("squash",))[0]}"')


def _queue(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """https://docs.github.com/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/merging-a-pull-request-with-a-merge-queue"""
    found = f"{situation.facts.base} takes changes through a merge queue ({named(rule)}): ours are put into it"
    do = "let the workflows of required checks run on merge_group, else nothing ever leaves the queue"
    yield Finding(code="merge_queue", level=Level.WARNING, found=found, do=do)


def _locked(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches#lock-branch"""
    found = f"{situation.facts.base} is locked ({named(rule)}): nothing can be merged into it"
    yield _grave(situation, "base_locked", found, "unlock it", modes=(Mode.MERGE, Mode.PROPOSE))


def _updates(situation: Situation, rule: Rule) -> Iterator[Finding]:
    found = f"{named(rule)} lets only those on its bypass list change {situation.facts.base}"
    yield _grave(situation, "base_restricted", found, f"add us to that list, or {_PROPOSE}")


def _restrictions(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """Classic protection's list of who may push; admins always may. A team in it may hold us, which we do not know."""
    access = situation.facts.access
    ours = {access.login.removesuffix("[bot]").lower()}
    if access.role == "admin" or ours & {name.lower() for name in rule.names}:
        return
    listed = one_line(", ".join(rule.names), 150) or "nobody"
    found, do = f"{named(rule)} lets only {listed} merge", f"add {access.login}, or {_PROPOSE}"
    if not access.is_app and any(name.startswith("team ") for name in rule.names):
        yield Finding(code="base_restricted", level=Level.UNKNOWN, found=found, do=do)
    else:
        yield _grave(situation, "base_restricted", found, do)


def _signed_merge(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification:
    GitHub signs squash and merge commits that it makes, and cannot sign what it rebases."""
    if _method(situation) == "rebase":
        found = f"{named(rule)} requires signed commits, and GitHub cannot sign what it rebases"
        yield _grave(situation, "signatures", found, 'say [merge] method = "squash"')
    else:
        found = f"{named(rule)} requires signed commits: GitHub signs the one that it makes, ours on the branch are not"
        yield Finding(
            code="signatures",
            level=Level.WARNING,
            found=found,
            do="try one change; a person merges if GitHub blocks it",
        )


def _deployments(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    found = f"{named(rule)} requires a deployment to {one_line(', '.join(rule.names), 100)} before the merge"
    yield Finding(
        code="required_deployments",
        level=Level.WARNING,
        found=found,
        do="let a workflow deploy each pull request there",
    )


def _approvals(situation: Situation, rules: Sequence[Rule]) -> Iterator[Finding]:
    """https://docs.github.com/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/approving-a-pull-request-with-required-reviews:
    nobody can approve a pull request of their own."""
    asking = [rule for rule in rules if rule.kind == "pull_request"]
    policy = situation.policy.gate.approvals if situation.policy else 0
    needed = max([policy, *(rule.approvals for rule in asking)])
    approvers = situation.facts.approvers
    if needed and not isinstance(approvers, Unread) and len(approvers) < needed:
        found = (
            f"{_count(needed, 'approval')} required, and {_count(len(approvers), 'person')} but us has write access: "
            "nobody can approve an own pull request"
        )
        do = "give more people write access, or ask for fewer approvals"
        yield _grave(situation, "approvals", found, do, modes=(Mode.MERGE, Mode.PROPOSE))
    elif needed:
        found = f"{_count(needed, 'approval')} required: a person must approve each pull request"
        yield Finding(
            code="approvals", level=Level.WARNING, found=found, do="be ready to; a reminder comes after a day"
        )
    if any(rule.code_owners for rule in asking):
        found = "code owners must approve what is theirs, which GitHub alone knows"
        yield Finding(code="code_owners", level=Level.WARNING, found=found, do="let people, not us, be the code owners")
    if not needed and any(rule.last_push for rule in asking):
        found = "somebody other than who pushed last must approve, and that is always us"
        yield Finding(
            code="last_push", level=Level.WARNING, found=found, do="say [gate] approvals = 1 so that it is waited for"
        )


def _count(number: int, noun: str) -> str:
    words = {"person": "people"}.get(noun, f"{noun}s")
    verb = {"approval": " is" if number == 1 else " are"}.get(noun, "")
    return f"{number} {noun if number == 1 else words}{verb}"


def named(rule: Rule) -> str:
    return one_line(rule.source, 100)


_Judge = Callable[[Situation, Rule], Iterator[Finding]]
_BASE: dict[str, _Judge] = {
    "pull_request": _allowed_methods,
    "required_linear_history": _allowed_methods,
    "merge_queue": _queue,
    "lock_branch": _locked,
    "update": _updates,
    "restrictions": _restrictions,
    "required_signatures": _signed_merge,
    "required_deployments": _deployments,
}
