"""What a repository's commands reach is what its policy at the base names, and record and evidence say what held."""

import people

from oneshot_dagster.domain.artifact import Artifact, Record

UNTIL_TESTED = (Artifact.WORKTREE, Artifact.PATCH, Artifact.LOCAL_TEST_REPORT)
TESTS = 'commands = ["'


def report_of(world, engine, change) -> tuple[Record, dict[str, object]]:
    """The record of the local tests and their fact, under a policy that `change` made of the demo's."""
    key, _ = world.plant()
    one = engine()
    people.push(world, "main", {".oneshot.toml": change(people.policy(world))})
    record = one.run(key, *UNTIL_TESTED)[Artifact.LOCAL_TEST_REPORT]
    assert isinstance(record, Record), record
    fact = next(fact for fact in one.services.store.facts.of(one.attempt(key).id) if fact.kind == "local_tests")
    return record, fact.data


def test_without_a_word_the_tests_reach_nothing(world, engine):
    record, fact = report_of(world, engine, lambda policy: policy + "# nothing more")
    assert "network: none" in record.shown["isolation"]
    assert "network" not in record.shown["not_enforced"]
    assert fact["isolation"] == record.shown["isolation"]


def test_set_up_reaches_what_is_named_for_it_and_the_tests_find_what_it_left(world, engine):
    address = world.url.removeprefix("http://")
    reach = f"(exec 3<>/dev/tcp/{address.replace(':', '/')}) 2>/dev/null"

    def change(policy: str) -> str:
        own = f'\n[agent]\nsetup = ["{reach} && touch ~/left"]\n[network]\nsetup = ["{address}"]\n'
        return policy.replace(TESTS, f"{TESTS}test -f ~/left && ! {reach} && ") + own

    record, fact = report_of(world, engine, change)
    assert record.shown["verdict"] == "passed", record
    assert "; setup: " in record.shown["isolation"]
    assert f"network: only {address}" in record.shown["isolation"]
    assert fact["isolation"] == record.shown["isolation"]


def test_a_network_that_the_policy_opens_is_said(world, engine):
    own = '\n[agent]\nsetup = ["true"]\n[network]\nopen = ["setup"]\n'
    record, fact = report_of(world, engine, lambda policy: policy + own)
    assert "setup: not enforced: network isolation (opened by name)" in record.shown["not_enforced"]
    assert record.shown["not_enforced"].count("network isolation") == 1
    assert fact["not_enforced"] == record.shown["not_enforced"]
