"""Claims about `.oneshot.toml`: what is read, what is refused, and what mode and budgets follow."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.budget import Budgets
from oneshot_dagster.domain.policy import (
    Policy,
    PolicyErrors,
    budgets,
    effective_mode,
    gate_rules,
    parse_policy,
)
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.run import Mode

FULL = """\
mode = "merge"              # observe | propose | merge
[agent]
setup = ["pip install -e ."]
[tests]
commands = ["python -m pytest -q --junitxml={junit}"]
timeout = "10m"
advisory = true
[network]
setup = ["packages.example:443"]
tests = ["licences.example:443"]
verify = ["login.example:443"]
open = ["setup"]
[gate]
required_checks = ["ci"]
approvals = 1
reviewers = ["ada"]
allow_no_checks = true
ci_wait = "60s"
review_wait = "2d"
[judge]
instructions = "docs/review.md"
allow_no_new_tests = true
on_human_push = "continue"
[merge]
method = "rebase"
up_to_date = false
[deploy]
kind = "command"
start = ["./deploy.sh {sha}"]
url = "http://127.0.0.1:8000"
environment = "staging"
timeout = "15m"
[verify]
integration = ["python -m pytest tests/integration"]
timeout = "5m"
rerun = true
baseline = false
health = ["curl -f $ONESHOT_DEPLOYED_URL/healthz"]
secrets = ["SHOP_TOKEN"]
e2e = ["npx playwright test"]
bake = "0s"
on_failure = "needs_human"
[protect]
paths = ["migrations/**"]
[budget]
attempts = 2
usd = 10
tokens = 2_000_000
active = "3h"
[prompt]
file = "docs/agent-prompt.md"
guidance = ["AGENTS.md", "CONTRIBUTING.md"]
"""

MERGE = 'mode = "merge"\n'
DEPLOY = '[deploy]\nkind = "command"\nstart = ["./d {sha}"]\nurl = "http://h:1"\n'
SUITES = '[verify]\nintegration = ["t"]\n'


def mistakes(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PolicyErrors) as caught:
        parse_policy(text)
    return [(mistake.line, mistake.key) for mistake in caught.value.mistakes]


def test_every_key_of_the_design_is_read() -> None:
    policy = parse_policy(FULL)
    assert policy.mode is Mode.MERGE
    assert policy.agent.setup == ("pip install -e .",)
    assert policy.tests.commands == ("python -m pytest -q --junitxml={junit}",)
    assert (policy.tests.timeout, policy.tests.advisory) == (600.0, True)
    assert (policy.gate.ci_wait, policy.gate.review_wait) == (60.0, 172800.0)
    assert (policy.merge.method, policy.merge.up_to_date) == ("rebase", False)
    assert (policy.deploy.kind, policy.deploy.url) == ("command", "http://127.0.0.1:8000")
    assert (policy.deploy.environment, policy.deploy.stated) == ("staging", True)
    assert (policy.verify.bake, policy.verify.on_failure) == (0.0, "needs_human")
    assert (policy.budget.usd, policy.budget.tokens, policy.budget.active) == (10.0, 2_000_000, 10800.0)
    assert policy.prompt.file == "docs/agent-prompt.md"
    assert policy.network.of(Purpose.TESTS) == ("licences.example:443",)


def test_every_field_of_a_policy_can_be_written() -> None:
    given_by_text, default = parse_policy(FULL), Policy()
    untouched = {
        f"{section.name}.{key.name}"
        for section in dataclasses.fields(Policy)
        if dataclasses.is_dataclass(getattr(default, section.name))
        for key in dataclasses.fields(getattr(default, section.name))
        if getattr(getattr(default, section.name), key.name) == getattr(getattr(given_by_text, section.name), key.name)
    }
    # What FULL writes with the default's own value, and what cannot stand beside the rest of it.
    assert untouched == {
        "tests.timeout", "judge.on_human_push", "deploy.timeout", "deploy.application", "deploy.sync", "deploy.trailer",
        "deploy.annotation", "verify.bake",
        "verify.waived", "budget.usd", "budget.tokens", "budget.active",
    }  # fmt: skip


def test_an_empty_file_is_the_default_policy_which_proposes() -> None:
    assert parse_policy("") == Policy()
    assert Policy().mode is Mode.PROPOSE
    assert Policy().deploy.kind == "none"


def test_all_mistakes_come_at_once_with_line_and_key() -> None:
    text = 'mode = "yolo"\n[tests]\ntimeout = 10\n\ncolour = 1\n[surprise]\nx = 1\n[gate]\napprovals = true\n'
    assert mistakes(text) == [
        (1, "mode"), (3, "tests.timeout"), (5, "tests.colour"), (6, "surprise"), (9, "gate.approvals"),
    ]  # fmt: skip


def test_a_contradiction_is_reported_beside_a_mistake_elsewhere() -> None:
    text = '[deploy]\nkind = "command"\nurl = "http://h:1"\n[tests]\nadvisory = "yes"\n'
    assert mistakes(text) == [(1, "deploy.start"), (5, "tests.advisory")]


def test_a_wrong_key_is_not_also_called_missing() -> None:
    assert mistakes('[deploy]\nkind = "command"\nstart = ["x"]\nurl = "ftp://h"\n') == [(4, "deploy.url")]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('tests.timeout = "10 minutes"', "tests.timeout"),
        ('tests.timeout = "0s"', "tests.timeout"),
        ("tests.timeout = 600", "tests.timeout"),
        ('tests.commands = "pytest"', "tests.commands"),
        ('tests.commands = ["pytest", 3]', "tests.commands"),
        ('tests.commands = [" "]', "tests.commands"),
        ("gate.approvals = -1", "gate.approvals"),
        ("gate.approvals = 1.0", "gate.approvals"),
        ("gate.allow_no_checks = 1", "gate.allow_no_checks"),
        ("budget.attempts = 0", "budget.attempts"),
        ("budget.usd = nan", "budget.usd"),
        ("budget.usd = inf", "budget.usd"),
        ("budget.usd = true", "budget.usd"),
        ('merge.method = "octopus"', "merge.method"),
        ('network.setup = ["packages.example"]', "network.setup"),
        ('network.setup = ["packages.example:70000"]', "network.setup"),
        ('network.open = ["agent"]', "network.open"),
        ('protect.paths = ["../x"]', "protect.paths"),
        ('prompt.file = "/etc/passwd"', "prompt.file"),
        ('judge.instructions = ""', "judge.instructions"),
        ("deploy = 3", "deploy"),
        ('deploy.kind = "argocd"', "deploy.application"),
        ('deploy = {kind = "argocd", application = "a b"}', "deploy.application"),
        ('deploy = {kind = "argocd", application = "a/b/c"}', "deploy.application"),
        ('deploy.trailer = "two words"', "deploy.trailer"),
        ('deploy.annotation = "what: ever"', "deploy.annotation"),
        ('deploy = {trailer = "Source", annotation = "example.com/source"}', "deploy.annotation"),
        ("deploy.sync = 1", "deploy.sync"),
        ('verify = {waived = "x", e2e = ["t"]}', "verify.waived"),
        ('verify.waived = ""', "verify.waived"),
        ("mode = 1", "mode"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(line: str, key: str) -> None:
    assert mistakes("\n" + line) == [(2, key)]


@pytest.mark.parametrize("text", ["a = ", "x = " + "9" * 5000, "x = " + "[" * 20000, "a = 1\na = 2", "x" * 300_000])
def test_what_is_not_toml_is_one_mistake_and_never_another_error(text: str) -> None:
    assert len(mistakes(text)) == 1


def test_a_syntax_error_names_its_line() -> None:
    assert mistakes('mode = "merge"\n[tests\n') == [(2, "")]


def test_a_key_inside_a_multi_line_text_is_not_taken_for_its_line() -> None:
    text = '[verify]\nwaived = """\nbake = 3\n"""\nbake = 3\n'
    assert mistakes(text) == [(5, "verify.bake")]


def test_a_deployment_by_argo_cd_can_be_written() -> None:
    assert parse_policy('[deploy]\nkind = "argocd"\napplication = "shop"\n').deploy.application == "shop"
    written = parse_policy(
        '[deploy]\nkind = "argocd"\napplication = "team/shop"\nsync = true\ntrailer = "Source-Commit"\n'
    )
    assert (written.deploy.application, written.deploy.sync, written.deploy.trailer) == (
        "team/shop",
        True,
        "Source-Commit",
    )


def test_suites_against_what_argo_cd_deploys_need_its_address() -> None:
    assert mistakes('[deploy]\nkind = "argocd"\napplication = "shop"\n' + SUITES) == [(1, "deploy.url")]


@given(st.text() | st.lists(st.sampled_from(FULL.splitlines())).map("\n".join))
def test_any_text_is_a_policy_or_a_list_of_mistakes(text: str) -> None:
    try:
        policy = parse_policy(text)
    except PolicyErrors as errors:
        assert errors.mistakes
        assert all(mistake.line >= 1 for mistake in errors.mistakes)
    else:
        assert isinstance(policy, Policy)


@pytest.mark.parametrize("cap", list(Mode))
@pytest.mark.parametrize("asked", list(Mode))
def test_settings_only_lower_the_mode(asked: Mode, cap: Mode) -> None:
    mode, reason = effective_mode(parse_policy(f'mode = "{asked}"\n{DEPLOY}{SUITES}'), cap)
    order = list(Mode)
    assert order.index(mode) == min(order.index(asked), order.index(cap))
    assert reason == ("settings_cap" if order.index(cap) < order.index(asked) else "policy")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", (Mode.PROPOSE, "no_verification_policy")),
        (DEPLOY, (Mode.PROPOSE, "no_verification_policy")),
        (SUITES, (Mode.PROPOSE, "no_verification_policy")),
        (DEPLOY + "[verify]\n", (Mode.PROPOSE, "no_verification_policy")),
        (DEPLOY + SUITES, (Mode.MERGE, "policy")),
        ('[deploy]\nkind = "none"\n' + SUITES, (Mode.MERGE, "policy")),
        ('[verify]\nwaived = "a library"\n', (Mode.MERGE, "policy")),
    ],
)
def test_nothing_merges_that_nobody_verifies(rest: str, expected: tuple[Mode, str]) -> None:
    assert effective_mode(parse_policy(MERGE + rest), Mode.MERGE) == expected


def test_settings_cap_each_budget_and_raise_none() -> None:
    policy = parse_policy(FULL)
    low = Budgets(attempts=1, usd=1.0, tokens=10, active=60.0, ci_wait=5.0, review_wait=6.0)
    assert budgets(policy, low) == low
    high = Budgets(attempts=9, usd=1e6, tokens=10**9, active=1e9, ci_wait=1e9, review_wait=1e9)
    found = budgets(policy, high)
    assert (found.attempts, found.usd, found.tokens) == (2, policy.budget.usd, policy.budget.tokens)
    assert (found.active, found.ci_wait, found.review_wait) == (
        policy.budget.active,
        policy.gate.ci_wait,
        policy.gate.review_wait,
    )


def test_the_gate_is_asked_what_the_policy_says() -> None:
    rules = gate_rules(parse_policy(FULL))
    assert (rules.required_checks, rules.approvals, rules.reviewers) == (("ci",), 1, ("ada",))
    assert (rules.allow_no_checks, rules.tests_advisory) == (True, True)


def test_a_policy_that_names_no_mode_proposes_however_well_it_verifies():
    assert effective_mode(parse_policy(DEPLOY + SUITES), Mode.MERGE) == (Mode.PROPOSE, "policy")
