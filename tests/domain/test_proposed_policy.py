"""Claims about the policy that `init` proposes: always a policy, in mode propose, with what was found and no guess of a deployment."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.found_in_tree import Hints, hints, wanted
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.proposed_policy import Found, body, checksum_in, commit_message, shown, text
from oneshot_dagster.domain.run import Mode

PYTEST = '[build-system]\nrequires = []\n[project.optional-dependencies]\ntest = ["pytest"]\n'
APPLICATION = """apiVersion: v1
kind: ConfigMap
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  namespace: argocd
  name: shop-production
spec: {}
"""


def found(tree=None, **more):
    tree = tree or {}
    values = {
        "repository": "acme/shop",
        "base": "main",
        "sha": "a" * 40,
        "required": {},
        "reported": {},
        "elsewhere": {},
        "approvals": 0,
        "hints": hints(tuple(tree), {path: tree[path] for path in wanted(tuple(tree))}),
    }
    return Found(**{**values, **more})


def commands(tree):
    policy = parse_policy(text(found(tree)))
    return policy.agent.setup, policy.tests.commands


@pytest.mark.parametrize(
    ("tree", "setup", "tests"),
    [
        ({}, (), ()),
        ({"Makefile": "build:\n\ttrue\ntest: build\n\ttrue\n", "go.mod": ""}, (), ("make test",)),
        ({"Makefile": "test := 1\ncheck:\n"}, (), ()),
        (
            {"pyproject.toml": PYTEST},
            ("python3 -m venv .venv && .venv/bin/pip install pytest -e '.[test]'",),
            (".venv/bin/python -m pytest --junitxml={junit}",),
        ),
        ({"pyproject.toml": PYTEST, "uv.lock": ""}, ("uv sync",), ("uv run pytest --junitxml={junit}",)),
        ({"tox.ini": "[tox]", "tests/conftest.py": ""}, (), ("tox",)),
        ({"package.json": '{"scripts": {"test": "jest"}}', "package-lock.json": "{}"}, ("npm ci",), ("npm test",)),
        (
            {"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""},
            ("pnpm install --frozen-lockfile",),
            ("pnpm test",),
        ),
        ({"package.json": json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})}, (), ()),
        ({"package.json": "not JSON", "pyproject.toml": "[not TOML"}, (), ()),
        ({"go.mod": ""}, (), ("go test ./...",)),
        ({"Cargo.toml": "", "pom.xml": "", "mvnw": ""}, (), ("cargo test", "./mvnw -B test")),
    ],
)
def test_commands_are_what_the_tree_shows(tree, setup, tests):
    assert commands(tree) == (setup, tests)


def test_a_tree_that_shows_nothing_says_what_is_missing():
    assert "no test command was recognized" in text(found())
    assert "Which commands test a change?" in body(found())


def test_checks_are_those_that_reported_and_never_our_own():
    seen = found(
        required={"ci": "the ruleset Main", "never": "the ruleset Main"},
        reported={"ci": "github-actions", "lint": "", "oneshot": "oneshot"},
        elsewhere={"nightly": "github-actions"},
    )
    made = text(seen)
    assert parse_policy(made).gate.required_checks == ("ci", "lint")
    assert "# never is required by the ruleset Main, and nobody reported it lately" in made
    assert "# nightly was reported by github-actions on the base alone" in made
    assert "never is required and nobody reported it lately" in body(seen)


def test_a_deployment_is_hinted_at_and_never_active():
    tree = {"deploy.sh": "", "argocd/application.yaml": APPLICATION, "charts/shop/Chart.yaml": "", "e2e/a.py": ""}
    made = text(found(tree))
    for line in (
        '# start = ["./deploy.sh {sha}"]',
        '# application = "shop-production"',
        "# found charts/shop/Chart.yaml",
    ):
        assert line in made
    assert set(tomllib.loads(made)) == {"mode", "agent", "tests", "gate"}


def test_an_unread_manifest_is_no_hint():
    assert hints(("argocd/application.yaml",), {}) == Hints()


words = st.text(max_size=60)
names = st.sampled_from(
    ["Makefile", "pyproject.toml", "package.json", "uv.lock", "go.mod", "deploy.sh", "argocd/app.yaml", "Gemfile"]
)
trees = st.dictionaries(st.one_of(names, words), st.one_of(words, st.sampled_from([PYTEST, APPLICATION, "test:\n"])))
contexts = st.dictionaries(words, words, max_size=5)


@given(trees, contexts, contexts, contexts, st.integers(0, 9))
def test_whatever_is_found_makes_a_policy_that_proposes(tree, required, reported, elsewhere, approvals):
    seen = found(tree, required=required, reported=reported, elsewhere=elsewhere, approvals=approvals)
    policy = parse_policy(text(seen))
    assert policy.mode is Mode.PROPOSE
    assert not policy.deploy.stated
    assert not policy.verify.suites
    assert set(policy.gate.required_checks) <= set(reported) - {"oneshot"}
    assert policy.tests.commands == tuple(one.text for one in seen.hints.tests)


@given(trees, contexts)
def test_every_value_has_a_comment(tree, reported):
    """On its line, or on one between it and its section's head; a section's commented twin counts as one."""
    commented = False
    for line in text(found(tree, reported=reported)).split("\n"):
        commented = "#" in line or (commented and not line.startswith("["))
        assert commented or not line or line.startswith("["), line


@given(words.filter(str.strip))
def test_what_others_wrote_stands_neutral_in_the_body(word):
    said = body(found(reported={f"@team closes #1 {word}": "x"}))
    assert "@team" not in said
    assert "closes #1" not in said


def test_the_commit_says_which_file_it_is():
    signed = commit_message("abc", trailers=("Signed-off-by: A B <a@b>",))
    assert [checksum_in(text) for text in (commit_message("abc"), signed)] == ["abc", "abc"]
    assert "\n\nSigned-off-by: A B <a@b>\n" in signed
    assert checksum_in("A person's commit\n") is None
    assert checksum_in("") is None


def test_observed_it_is_shown_with_what_would_be_done():
    said = shown(found())
    assert "nothing is written" in said
    assert 'mode = "propose"' in said
