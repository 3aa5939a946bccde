"""A repository in which everything is well, for tests that spoil one thing of it."""

from dataclasses import replace

from oneshot_dagster.domain.permissions import PERMISSIONS
from oneshot_dagster.domain.policy_sections import Policy
from oneshot_dagster.domain.readiness import findings
from oneshot_dagster.domain.readiness_facts import (
    Access,
    ReportedContexts,
    RepositoryFacts,
    Required,
    Rule,
    Situation,
    WebhookFacts,
)
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.domain.workflows import read_workflow

APP = Access(login="oneshot[bot]", is_app=True, permissions={p.name: p.access for p in PERMISSIONS})
PERSON = Access(login="olga", is_app=False, role="write", scopes=("repo",))
FACTS = RepositoryFacts(
    repository="acme/shop",
    base="main",
    archived=False,
    methods=("merge", "squash", "rebase"),
    access=APP,
    base_rules=(Rule(kind="required_status_checks", source="a rule", contexts=(Required(name="ci"),)),),
    head_rules=(),
)
CI = "on: pull_request\njobs: {ci: {}}"


def workflow(text=CI, file=".github/workflows/ci.yml"):
    return read_workflow(file, text, base="main", head="codex/issue-1")


WELL = Situation(
    facts=FACTS,
    mode=Mode.MERGE,
    mode_why="policy",
    policy=Policy(mode=Mode.MERGE),
    email="oneshot@localhost",
    workflows=(workflow(),),
    reported=ReportedContexts(),
    webhook=WebhookFacts(),
)


def with_rule(kind, *, head=False, mode=Mode.MERGE, **parts):
    """The well situation with one rule more."""
    rule = Rule(kind=kind, source="the rule", **parts)
    where = "head_rules" if head else "base_rules"
    facts = replace(FACTS, **{where: (*getattr(FACTS, where), rule)})
    return replace(WELL, facts=facts, mode=mode)


def with_facts(**changes):
    return replace(WELL, facts=replace(FACTS, **changes))


def level(situation, code):
    """The gravest level among the findings of that code; None where there is none."""
    return next((finding.level.value for finding in findings(situation) if finding.code == code), None)
