"""What a repository's commands reach is what its policy at the base names, and record and evidence say what held."""

import sys
from dataclasses import dataclass

import people

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.local.demo import plant

UNTIL_TESTED = (Artifact.WORKTREE, Artifact.PATCH, Artifact.LOCAL_TEST_REPORT)
TESTS = 'commands = ["'


# The demo's agent, where it finds what set-up has left.
NEEDY = (
    "/bin/bash",
    "-c",
    'test -f ~/left && test -f venv/x && exec "$@"',
    "x",
    sys.executable,
    "-I",
    str(plant.AGENT),
)


@dataclass(frozen=True)
class Ran:
    patch: Record
    tests: Record
    fact: dict[str, object]  # of the tests
    files: frozenset[str]  # of the change
    prompt: str


def ran(world, engine, change, **over) -> Ran:
    """To the end of the local tests, under a policy that `change` made of the demo's."""
    key, _ = world.plant()
    one = engine(**over)
    people.push(world, "main", {".oneshot.toml": change(people.policy(world))})
    outcomes = one.run(key, *UNTIL_TESTED)
    patch, tests = outcomes[Artifact.PATCH], outcomes[Artifact.LOCAL_TEST_REPORT]
    assert isinstance(patch, Record)
    assert isinstance(tests, Record)
    attempt = one.attempt(key)
    fact = next(fact for fact in one.services.store.facts.of(attempt.id) if fact.kind == "local_tests")
    found = one.services.git.snapshot(key, base_sha=attempt.base_sha, head_sha=attempt.head_sha, patches=False)
    (asked,) = [f for f in one.services.store.artifacts.files(attempt.id) if f.name == "implementation-prompt"]
    prompt = (one.services.blobs.get(asked.sha256) or b"").decode()
    files = frozenset(file.path for file in found.files)
    return Ran(patch=patch, tests=tests, fact=fact.data, files=files, prompt=prompt)


def test_without_a_word_the_tests_reach_nothing(world, engine):
    one = ran(world, engine, lambda policy: policy + "# nothing more")
    assert "network: none" in one.tests.shown["isolation"]
    assert "network" not in one.tests.shown["not_enforced"]
    assert one.fact["isolation"] == one.tests.shown["isolation"]
    assert one.patch.shown["setup"] == "none"


def test_set_up_reaches_what_is_named_for_it_and_the_agent_and_the_tests_find_what_it_left(world, engine):
    address = world.url.removeprefix("http://")
    reach = f"(exec 3<>/dev/tcp/{address.replace(':', '/')}) 2>/dev/null"

    def change(policy: str) -> str:
        line = f"{reach} && touch ~/left && mkdir venv && ln -s /etc venv/out && touch venv/x && echo '# more' >> shop/tax.py"
        own = f'\n[agent]\nsetup = ["{line}"]\n[network]\nsetup = ["{address}"]\n'
        return policy.replace(TESTS, f"{TESTS}test -f ~/left && test -f venv/x && ! {reach} && ") + own

    one = ran(world, engine, change, agent={"command": NEEDY})
    assert (one.patch.shown["end"], one.patch.shown["setup"]) == ("finished", "done")
    assert f"network: only {address}" in one.patch.shown["setup_isolation"]
    assert "# set-up: it is run in this folder before you start" in one.prompt
    assert one.files
    assert not {path for path in one.files if path.startswith("venv") or path == "shop/tax.py"}
    assert one.tests.shown["verdict"] == "passed", one.tests
    assert "; setup: " in one.tests.shown["isolation"]
    assert f"network: only {address}" in one.tests.shown["isolation"]
    assert one.fact["isolation"] == one.tests.shown["isolation"]


def test_a_network_that_the_policy_opens_is_said(world, engine):
    own = '\n[agent]\nsetup = ["exit 3", "touch never"]\n[network]\nopen = ["setup"]\n'
    one = ran(world, engine, lambda policy: policy + own)
    assert "setup: not enforced: network isolation (opened by name)" in one.tests.shown["not_enforced"]
    assert one.tests.shown["not_enforced"].count("network isolation") == 1
    assert one.fact["not_enforced"] == one.tests.shown["not_enforced"]
    assert one.patch.shown["end"] == "finished", "set-up that fails is said, and stops no agent"
    assert str(one.patch.shown["setup"]).startswith("failed: ")
