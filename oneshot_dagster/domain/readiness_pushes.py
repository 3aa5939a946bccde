"""What the rules of our own branches let through: without a push there is no pull request.
https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets"""

import re
from collections.abc import Callable, Iterator

from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.readiness_facts import SAMPLE_HEAD, Finding, Level, Pattern, Rule, Situation, Unread
from oneshot_dagster.domain.readiness_rules import doubted, named
from oneshot_dagster.domain.run import Mode

_CREATION = "let the rule spare codex/**, or add us to its bypass list"


def of_head(situation: Situation) -> Iterator[Finding]:
    rules = situation.facts.head_rules
    if isinstance(rules, Unread):
        found = f"did not look at the rules of codex/**: {rules.why}"
        yield Finding(code="head_rules", level=Level.UNKNOWN, found=found)
        return
    for rule in rules:
        judge = _HEAD.get(rule.kind)
        if judge is not None and rule.bypassed is not True:
            for finding in judge(situation, rule):
                yield doubted(rule, _unwritten(situation, finding))


def _unwritten(situation: Situation, finding: Finding) -> Finding:
    if situation.mode is Mode.OBSERVE and finding.level is Level.IMPOSSIBLE:
        return Finding(code=finding.code, level=Level.WARNING, found=finding.found, do=finding.do)
    return finding


def _creation(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    found = f"{named(rule)} lets only those on its bypass list create branches like {SAMPLE_HEAD}"
    yield Finding(code="branch_creation", level=Level.IMPOSSIBLE, found=found, do=_CREATION)


def _later_pushes(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    what = "through a pull request" if rule.kind == "pull_request" else "by those on its bypass list"
    found = (
        f"{named(rule)} lets branches like {SAMPLE_HEAD} change only {what}: the first push works, a second does not"
    )
    yield Finding(code="branch_update", level=Level.WARNING, found=found, do=_CREATION)


def _checks_before_push(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """A branch whose rules require checks takes only commits that passed them already, unless creation is spared."""
    names = one_line(", ".join(context.name for context in rule.contexts), 100)
    found = f"{named(rule)} requires {names} on branches like {SAMPLE_HEAD} themselves, before anything is pushed there"
    if rule.spares_creation:
        yield from _later_pushes(situation, rule)
    else:
        yield Finding(code="branch_creation", level=Level.IMPOSSIBLE, found=found, do=_CREATION)


def _signed_push(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    found = f"{named(rule)} requires signed commits on branches like {SAMPLE_HEAD}, and ours are not signed"
    yield Finding(code="signatures_head", level=Level.IMPOSSIBLE, found=found, do=_CREATION)


def _branch_name(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    yield from _against(rule, SAMPLE_HEAD, code="branch_name", what="branch names", do=_CREATION)


def _email(situation: Situation, rule: Rule) -> Iterator[Finding]:
    do = "set ONESHOT_IDENTITY__EMAIL to one that fits, or add us to its bypass list"
    yield from _against(rule, situation.email, code="commit_email", what="e-mail addresses of commits", do=do)


def _message(situation: Situation, rule: Rule) -> Iterator[Finding]:
    """Ours begin with the issue's title, so a pattern may fit one change and not the next."""
    del situation
    found = f"{named(rule)} wants commit messages that {_words(rule.pattern)}; ours begin with the issue's title"
    yield Finding(
        code="commit_message", level=Level.WARNING, found=found, do="title issues so, or add us to its bypass list"
    )


def _contents(situation: Situation, rule: Rule) -> Iterator[Finding]:
    del situation
    found = f"{named(rule)} refuses pushes with {_CONTENT[rule.kind]} {one_line(', '.join(rule.names), 150)}"
    yield Finding(code="push_rules", level=Level.WARNING, found=found, do="such a change stops at its push: a person's")


_CONTENT = {
    "file_path_restriction": "the paths",
    "file_extension_restriction": "the extensions",
    "max_file_size": "files of more MB than",
    "max_file_path_length": "paths longer than",
}


def _against(rule: Rule, text: str, *, code: str, what: str, do: str) -> Iterator[Finding]:
    fits = None if rule.pattern is None else fulfils(rule.pattern, text)
    if fits is True:
        return
    found = f"{named(rule)} wants {what} that {_words(rule.pattern)}; ours is {one_line(text, 80)}"
    yield Finding(code=code, level=Level.UNKNOWN if fits is None else Level.IMPOSSIBLE, found=found, do=do)


def fulfils(pattern: Pattern, text: str) -> bool | None:
    """None where it is not judged: a regular expression of others may take for ever, so only plain ones are tried."""
    plain: dict[str, Callable[[], bool]] = {
        "starts_with": lambda: text.startswith(pattern.text),
        "ends_with": lambda: text.endswith(pattern.text),
        "contains": lambda: pattern.text in text,
        "regex": lambda: re.search(pattern.text, text) is not None,
    }
    regex = pattern.operator == "regex"
    if pattern.operator not in plain or (regex and not _quick(pattern.text, text)):
        return None
    try:
        return plain[pattern.operator]() is not pattern.negate
    except re.error:
        return None


def _quick(expression: str, text: str) -> bool:
    repeats = len(re.findall(r"[*+?{]", expression.replace("(?:", "(")))
    return (
        len(expression) <= 200
        and len(text) <= 100
        and repeats <= 3
        and not re.search(r"\)[*+?{]|\\\d|\(\?[^:]", expression)
    )


def _words(pattern: Pattern | None) -> str:
    if pattern is None:
        return "fit a pattern"
    verbs = {"starts_with": "start with", "ends_with": "end with", "contains": "contain", "regex": "match"}
    verb = verbs.get(pattern.operator, pattern.operator)
    return f"{'do not ' if pattern.negate else ''}{verb} {one_line(pattern.text, 100)}"


_Judge = Callable[[Situation, Rule], Iterator[Finding]]
_HEAD: dict[str, _Judge] = {
    "creation": _creation,
    "update": _later_pushes,
    "pull_request": _later_pushes,
    "required_status_checks": _checks_before_push,
    "required_signatures": _signed_push,
    "branch_name_pattern": _branch_name,
    "commit_author_email_pattern": _email,
    "committer_email_pattern": _email,
    "commit_message_pattern": _message,
    **dict.fromkeys(_CONTENT, _contents),
}
