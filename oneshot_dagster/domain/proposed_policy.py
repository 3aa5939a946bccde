"""The words of `oneshot init`: a policy made from what was found, in which every line says why, and its pull request.
What others wrote stands in it as TOML strings and in comments of one line; what is only guessed stays a comment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.found_in_tree import Hint, Hints
from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.policy import FILE
from oneshot_dagster.domain.quoting import cell, cleaned, fenced
from oneshot_dagster.domain.toml_edit import toml

BRANCH = "oneshot/init"
TITLE = f"Let oneshot work here: a proposed {FILE}"
_TRAILER = "Oneshot-Proposed"
_MOST_CHECKS = 40
_LONGEST = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`required` are GitHub's own required contexts by who asks for them, `reported` and `elsewhere` those that somebody
    reported on pull requests and only on the base, by who did. `approvals` are those that GitHub requires."""

    repository: str
    base: str
    sha: str
    required: Mapping[str, str]
    reported: Mapping[str, str]
    elsewhere: Mapping[str, str]
    approvals: int
    hints: Hints
    workflows: int = 0


def checks(found: Found) -> tuple[tuple[str, str], ...]:
    """The contexts that the policy asks for, each with why; those alone of which somebody was heard."""
    asked = {name: f"required by {source}" for name, source in found.required.items() if name in found.reported}
    asked |= {
        name: f"reported by {app or 'a commit status'}" for name, app in found.reported.items() if name not in asked
    }
    asked.pop(OUR_CHECK, None)
    return tuple((name, why) for name, why in asked.items() if _plain(name))[:_MOST_CHECKS]


def text(found: Found) -> str:
    parts = (_head(found), _setup(found.hints), _tests(found.hints), _gate(found), _deploy(found.hints))
    return "\n\n".join("\n".join(part) for part in (*parts, _verify(found.hints), _judge(), _protect())) + "\n"


def body(found: Found) -> str:
    """Of the pull request."""
    asked = checks(found)
    rows = [
        ("tests", ", ".join(h.text for h in found.hints.tests) or "no command recognized"),
        ("checks that reported", ", ".join(name for name, _ in asked) or "none"),
        ("required by GitHub", ", ".join(found.required) or "none"),
        ("approvals required by GitHub", str(found.approvals)),
        ("how it may be deployed", ", ".join(_ways(found.hints)) or "nothing recognized"),
    ]
    table = "\n".join(
        ["| looked for | found |", "|---|---|", *(f"| {name} | {cell(what, 300)} |" for name, what in rows)]
    )
    decide = "\n".join(f"- {one}" for one in _to_decide(found))
    return (
        f"This adds `{FILE}`, the policy by which oneshot works on issues of this repository. Merging it starts nothing: a "
        f"change begins when somebody with write access puts the label `oneshot` on an issue, and in mode `propose` it ends "
        "as a pull request that a person merges.\n\n"
        f"## What was found at `{found.sha[:12]}` of {cell(found.base)}\n\n{table}\n\n## What to decide\n\n{decide}\n\n"
        f"Edit the file in this branch as you like. `oneshot policy check {FILE}` reads it; "
        f"`oneshot doctor {found.repository}` says what still stands in a change's way.\n"
    )


def commit_message(checksum: str, *, trailers: Sequence[str] = ()) -> str:
    """Ours is the last of the trailers: by it the commit is known again."""
    lines = "\n".join((*trailers, f"{_TRAILER}: {checksum}"))
    return f"{TITLE}\n\nMade by `oneshot init` from what is in the repository.\n\n{lines}\n"


def checksum_in(message: str) -> str | None:
    """Of the file as we proposed it; None for a commit of anybody else's."""
    last = message.strip().splitlines()[-1:] or [""]
    name, _, checksum = last[0].partition(": ")
    return checksum if name == _TRAILER else None


def shown(found: Found) -> str:
    """What mode observe says instead of doing it."""
    return (
        f"mode observe: nothing is written. It would push this file to the branch {BRANCH} of {found.repository} and open "
        f"a pull request into {found.base}:\n\n{fenced(text(found), 'toml')}"
    )


def _head(found: Found) -> Iterator[str]:
    yield "# The policy of oneshot for this repository, read from the base branch when a change begins."
    yield f"# Proposed by `oneshot init` from {_said(found.base)} at {found.sha[:12]}; every line is yours to change."
    yield ""
    yield "# observe: decide all, write nothing. propose: open pull requests, people merge. merge: also merge what passes"
    yield "# every gate; that needs [deploy] and [verify] too."
    yield 'mode = "propose"'


def _setup(hints: Hints) -> Iterator[str]:
    yield "[agent]"
    yield "# Run before the tests, in the folder of the commit that is tested."
    if hints.setup:
        yield from _list("setup", [(one.text, one.why) for one in hints.setup])
    else:
        yield '# setup = ["…"]  # nothing was recognized that has to be installed first'


def _tests(hints: Hints) -> Iterator[str]:
    yield "[tests]"
    yield "# Run at every commit before it is proposed; each has to end with 0. {junit} is where a report may be written."
    if hints.tests:
        yield from _list("commands", [(one.text, one.why) for one in hints.tests])
        yield 'timeout = "10m"  # of each command'
        return
    yield '# commands = ["…"]  # no test command was recognized; without one the gate waits for local tests that never ran'
    yield "# advisory = true    # lets CI alone decide"


def _gate(found: Found) -> Iterator[str]:
    yield "[gate]"
    asked = checks(found)
    yield "# Checks that have to be green at a change's head, beside those that GitHub itself requires."
    if asked:
        yield from _list("required_checks", asked)
    else:
        yield '# required_checks = ["…"]  # none reported on the newest commits and pull requests'
        yield "# allow_no_checks = true    # if there is no CI here, and nothing shall be waited for"
    for name, source in found.required.items():
        if name not in found.reported and name != OUR_CHECK:
            yield f"# {_said(name)} is required by {_said(source)}, and nobody reported it lately"
    for name, app in found.elsewhere.items():
        if name not in dict(asked) and name != OUR_CHECK:
            yield f"# {_said(name)} was reported by {_said(app or 'a commit status')} on the base alone"
    yield f"# approvals = 1  # people who have to approve; GitHub itself requires {found.approvals}"


def _deploy(hints: Hints) -> Iterator[str]:
    yield "# [deploy]"
    yield "# How what was merged gets live; needed for mode merge, and not guessed."
    for script in hints.scripts:
        yield f"# found {_said(script)}:"
        yield '# kind = "command"'
        yield f"# start = [{_quoted(f'./{script} {{sha}}')}]"
        yield '# url = "https://…"'
    for application in hints.applications:
        yield f"# found {_said(application.why)}:"
        yield '# kind = "argocd"'
        yield f"# application = {_quoted(application.text)}"
    for chart in hints.charts:
        yield f"# found {_said(chart)}: a Helm chart; what installs it is not in sight"
    if not _ways(hints):
        yield '# kind = "none"  # where nothing is deployed'


def _verify(hints: Hints) -> Iterator[str]:
    yield "# [verify]"
    yield "# What has to hold of the deployed service, whose address is in $ONESHOT_DEPLOYED_URL."
    for folder in hints.suites:
        yield f"# found {_said(folder)}/"
    yield '# integration = ["…"]'
    yield '# waived = "…"  # or why nothing is verified'


def _judge() -> Iterator[str]:
    yield "# [judge]"
    yield "# A change needs a test that fails without it. This lets pass what no test proves, documentation for one; what a"
    yield "# judging model should look at is the other, a file of this branch."
    yield "# allow_no_new_tests = true"
    yield '# instructions = "docs/review.md"'


def _protect() -> Iterator[str]:
    yield "# [protect]"
    yield "# A change that touches one of these goes to a person; the policy itself and CI's workflows always do."
    yield '# paths = ["…"]'


def _list(key: str, values: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"{key} = ["
    for value, why in values:
        yield f"  {_quoted(value)},  # {_said(why)}"
    yield "]"


def _to_decide(found: Found) -> Iterator[str]:
    if found.hints.tests:
        yield "Are these the commands that test a change, and does the machine that runs oneshot have what they need?"
    else:
        yield "Which commands test a change? Without any, its gate stays shut unless `[tests] advisory = true`."
    if not checks(found):
        ran = (
            f"{found.workflows} workflow(s) are there, none was seen to report" if found.workflows else "no CI was seen"
        )
        yield f"Which checks have to be green? ({ran}; `[gate] allow_no_checks = true` waits for none.)"
    for name in found.required:
        if name not in found.reported and name != OUR_CHECK:
            yield f"{cell(name)} is required and nobody reported it lately: a change would wait for it in vain."
    yield "How many people have to approve, beside what GitHub requires?"
    yield "Which paths are a person's alone (`[protect] paths`)?"
    yield "Later, for mode `merge`: how it is deployed and what verifies it. Until then nothing merges by itself."


def _ways(hints: Hints) -> tuple[str, ...]:
    named: tuple[Hint, ...] = hints.applications
    return (*hints.scripts, *(f"{one.text} ({one.why})" for one in named), *hints.charts)


def _quoted(value: str) -> str:
    return toml(value)


def _said(value: str) -> str:
    """In a comment: one line of what can be seen."""
    return " ".join(cleaned(value).split())[:_LONGEST]


def _plain(name: str) -> bool:
    return bool(name.strip()) and name.isprintable()
