"""Claims about required checks: which of them can report on a pull request of ours, and when it is too early to tell."""

from dataclasses import replace

import pytest
from readiness_examples import FACTS, WELL, level, workflow

from oneshot_dagster.domain.policy_sections import GateSection, Policy
from oneshot_dagster.domain.readiness_checks import needs_reports
from oneshot_dagster.domain.readiness_facts import Reported, ReportedContexts, Required, Rule, Unread
from oneshot_dagster.domain.run import Mode

ON_MAIN = workflow("on: {push: {branches: [main]}}\njobs: {ci: {}}")
ON_FEATURES = workflow("on: {push: {branches: [main, 'feature/**']}}\njobs: {ci: {}}")
ON_PATHS = workflow("on: {pull_request: {paths: ['src/**']}}\njobs: {ci: {}}")
BROKEN = workflow("on: [", file=".github/workflows/broken.yml")


def situation(*workflows, reported=(), pulls=5, app_id=None, name="ci", policy=None, kinds=()):
    rules = (
        Rule(kind="required_status_checks", source="a rule", contexts=(Required(name=name, app_id=app_id),)),
        *(Rule(kind=kind, source="another") for kind in kinds),
    )
    seen = ReportedContexts(contexts=tuple(reported), pulls=pulls, commits=20)
    facts = replace(FACTS, base_rules=rules if name else ())
    return replace(WELL, facts=facts, workflows=workflows, reported=seen, policy=policy or Policy())


def by(app="github-actions", app_id=15368, name="ci", *, on_pull=True):
    return Reported(name=name, app=app, app_id=app_id, on_pull=on_pull)


STATUS = Reported(name="ci")


@pytest.mark.parametrize(
    ("case", "found", "expected"),
    [
        ("a workflow reports it", situation(workflow()), "ok"),
        ("another CI reported it", situation(reported=[STATUS]), "ok"),
        (
            "another CI reported it, and a workflow for main has a job of that name",
            situation(ON_MAIN, reported=[STATUS]),
            "ok",
        ),
        ("its workflow runs on main alone", situation(ON_MAIN, reported=[by(on_pull=False)]), "impossible"),
        ("its workflow runs on main alone and nothing was seen", situation(ON_MAIN, pulls=0), "impossible"),
        ("it reported for branches called otherwise", situation(ON_FEATURES, reported=[by()]), "impossible"),
        ("nobody ever reported it", situation(), "impossible"),
        ("nobody ever reported it, and nothing else", situation(pulls=0), "impossible"),
        ("its letters differ", situation(workflow(), name="CI"), "impossible"),
        ("it reported on the base alone", situation(reported=[by("jenkins", 7, on_pull=False)]), "warning"),
        ("it depends on paths", situation(ON_PATHS), "warning"),
        ("it depends on paths, and a status too", situation(ON_PATHS, reported=[STATUS]), "ok"),
        ("it depends on paths, and reported", situation(ON_PATHS, reported=[by()]), "warning"),
        ("it is pinned to an App that reports it", situation(reported=[by("jenkins", 7)], app_id=7), "ok"),
        ("it is pinned to another App than reports it", situation(reported=[by("jenkins", 7)], app_id=8), "impossible"),
        ("it is pinned to an App, and there was no pull request", situation(pulls=0, app_id=8), "warning"),
        ("a status may be of the App that it is pinned to", situation(reported=[STATUS], app_id=8), "ok"),
        ("a file cannot be read", situation(BROKEN), "unknown"),
        ("the organisation has workflows of its own", situation(ON_MAIN, kinds=["workflows"]), "unknown"),
        (
            "an organisation's workflow reported it",
            situation(ON_FEATURES, reported=[by()], kinds=["workflows"]),
            "unknown",
        ),
    ],
)
def test_a_required_check_can_report_or_cannot_or_nobody_knows(case, found, expected):
    assert level(found, "required_context") == expected, case


def test_observing_waits_for_no_check():
    assert level(replace(situation(), mode=Mode.OBSERVE), "required_context") == "warning"
    assert level(replace(situation(), mode=Mode.PROPOSE), "required_context") == "impossible"


def test_what_reported_and_was_not_looked_at_is_unknown():
    assert level(replace(situation(), reported=Unread(why="no right")), "required_context") == "unknown"


def test_our_own_check_is_never_asked_for():
    assert level(situation(name="oneshot"), "required_context") is None


def test_a_check_that_the_policy_requires_is_judged_like_githubs():
    policy = Policy(gate=GateSection(required_checks=("slow",)))
    assert level(situation(workflow(), policy=policy), "required_context") == "impossible"


NOTHING_REQUIRED = [
    ("a workflow runs", situation(workflow(), name=""), "ok"),
    ("a workflow runs for some paths", situation(ON_PATHS, name=""), "ok"),
    ("something reported", situation(name="", reported=[STATUS]), "ok"),
    ("nothing reported on pull requests", situation(ON_MAIN, name=""), "impossible"),
    ("there was no pull request yet", situation(name="", pulls=0), "warning"),
    ("a file cannot be read", situation(BROKEN, name=""), "unknown"),
    ("none is needed", situation(name="", policy=Policy(gate=GateSection(allow_no_checks=True))), None),
]


@pytest.mark.parametrize(("case", "found", "expected"), NOTHING_REQUIRED)
def test_where_no_check_is_required_one_has_to_report_all_the_same(case, found, expected):
    assert level(found, "checks") == expected, case


def test_what_reported_is_asked_for_only_where_it_can_change_an_answer():
    assert not needs_reports(situation(workflow()))
    assert not needs_reports(situation(workflow(), name=""))
    assert not needs_reports(situation(name="", policy=Policy(gate=GateSection(allow_no_checks=True))))
    assert needs_reports(situation(ON_MAIN))
    assert needs_reports(situation(workflow(), name="other"))
    assert needs_reports(situation(ON_PATHS, name=""))
