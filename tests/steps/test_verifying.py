"""What the policy's [verify] asks for: suites run once more, what they leave, secrets, a bake, and a baseline before."""

import json
from collections.abc import Callable
from dataclasses import replace

import people
import pytest
from fault_matrix import Inline
from meanwhile import Altered
from world_facts import tip
from world_fixtures import Engine, World

from oneshot_dagster.domain.artifact import Artifact, Verdict
from oneshot_dagster.domain.attempt import Attempt, Report
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.resume import continue_changes

SUITE = r'integration = ["SHOP_URL=\"$ONESHOT_DEPLOYED_URL\" python3 tests/run.py integration --junit {junit}"]'


def verify_by(world: World, *lines: str) -> None:
    """The policy's section becomes these lines."""
    text = people.policy(world)
    before, _, rest = text.partition("[verify]")
    after = rest[rest.index("[protect]") :]
    people.push(world, "main", {".oneshot.toml": "\n".join([f"{before}[verify]", *lines, "", after])})


def report(engine: Engine, attempt: Attempt, kind: str = "verification", sha: str | None = None) -> Report:
    found = engine.services.store.artifacts.report(attempt.id, kind=kind, sha=sha or attempt.merge_sha or "")
    assert found is not None
    return found


def files(engine: Engine, attempt: Attempt) -> dict[str, bytes]:
    stored = engine.services.store.artifacts.files(attempt.id)
    return {file.name: engine.services.blobs.get(file.sha256) or b"" for file in stored}


def says_once_that_another_serves(one: Engine) -> list[str]:
    """In the bake: what was answered for a moment is not taken back for."""
    answered: list[str] = []

    def old(seen):
        if answered or not any(line.startswith("baking") for line in one.said):
            return seen
        answered.append("0" * 40)
        return replace(seen, revision=answered[0])

    deploys = {kind: Altered(deploy, "observe", old) for kind, deploy in one.services.deploys.items()}
    one.services = replace(one.services, deploys=deploys)
    return answered


def test_a_suite_runs_once_more_with_its_secret_and_leaves_files_and_then_the_revision_is_baked(world, engine):
    leaves = "cd $ONESHOT_ARTIFACTS; mkdir shots; echo seen > shots/1.txt; ln -s /etc/passwd link; "
    leaves += "echo $SHOP_TOKEN > told; touch $(printf 'b\\\\377d'); cd .."
    first_fails = 'test -n \\"$SHOP_TOKEN\\" && test -z \\"$OTHER\\" && echo with $SHOP_TOKEN && { test -e again || ! touch again; }'
    elsewhere = world.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "note.txt").write_text("not the suite's")
    away = (
        f"rm -rf $ONESHOT_ARTIFACTS && ln -s {elsewhere} $ONESHOT_ARTIFACTS"  # the commit may hold such a link as well
    )
    verify_by(
        world, f'integration = ["{leaves}; {first_fails}", "{away}"]', 'secrets = ["SHOP_TOKEN"]', "rerun = true",
        'health = ["curl -fsS $ONESHOT_DEPLOYED_URL/healthz >/dev/null && echo look >> looks"]', 'bake = "3s"',
    )  # fmt: skip
    key, _ = world.plant()
    one = engine(verify={"secrets": {"acme/shop": {"SHOP_TOKEN": "s3cret-v", "OTHER": "not asked for"}}})
    old = says_once_that_another_serves(one)
    record = one.run(key)[Artifact.VERIFICATION_REPORT]
    done = one.attempt(key)
    assert done.state is State.COMPLETED, one.said
    assert old == ["0" * 40]
    suites = report(one, done).suites
    assert [(suite["verdict"], suite["round"]) for suite in suites] == [("failed", 1), ("passed", 2), ("passed", 1)]
    assert (record.shown["run_again"], record.shown["bake"]) == (1, "held for 3 s")
    kept = files(one, done)
    left = {name: content for name, content in kept.items() if name.startswith("integration-")}
    assert left == {
        "integration-shots/1.txt": b"seen\n",
        "integration-told": b"********\n",
        "integration-b\\udcffd": b"",
        "integration-again-shots/1.txt": b"seen\n",
        "integration-again-told": b"********\n",
        "integration-again-b\\udcffd": b"",
    }
    assert (elsewhere / "note.txt").read_text() == "not the suite's"
    assert b"with [redacted]" in kept["verification-log"]
    assert not [name for name, content in kept.items() if b"s3cret-v" in content]
    assert not [line for line in one.said if "s3cret-v" in line]
    assert "s3cret-v" not in repr(one.services.limits)
    baked = [fact for fact in one.services.store.facts.of(done.id) if fact.kind == "bake"]
    assert baked[0].data["looks"] > 2
    assert baked[0].data["broken"] is None


def not_verified(one: Engine, key: ChangeKey) -> str:
    stopped = one.attempt(key)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "post_deploy_failed"), one.said
    assert stopped.verified_sha is None
    return stopped.reason


def test_what_wants_a_secret_that_nobody_keeps_is_not_merged_by_us_and_not_verified_where_a_person_does(world, engine):
    verify_by(world, SUITE, 'secrets = ["SHOP_TOKEN"]', 'on_failure = "needs_human"')
    key, _ = world.plant()
    one = engine()
    one.run(key)
    parked = one.attempt(key)
    assert (parked.state, parked.awaited and parked.awaited.what) == (State.MERGE_READY, "merge"), one.said
    assert "keeps no secret SHOP_TOKEN" in parked.reason
    world.forge.merge_as_person(key.repository, parked.pr_number)
    one.run(key, *tuple(Artifact)[7:])
    assert "keeps no secret SHOP_TOKEN" in not_verified(one, key)


def test_health_that_does_not_last_is_no_verification(world, engine):
    health = 'health = ["if test -e seen; then echo out of memory; exit 3; fi; touch seen"]'
    verify_by(world, SUITE, health, 'bake = "10s"', 'on_failure = "needs_human"')
    key, _ = world.plant()
    one = engine()
    one.run(key)
    assert "the suites passed, and then health: it ended with exit code 3" in not_verified(one, key)
    stopped = one.attempt(key)
    found = report(one, stopped)
    assert (found.verdict, found.suites[-1]["suite"]) == (Verdict.FAILED, "health")
    assert "out of memory" in found.suites[-1]["log_tail"]
    one.take(Artifact.EVIDENCE, key)
    kept = files(one, stopped)
    assert b"out of memory" in kept["verification-log"]
    lines = [json.loads(line) for line in kept["evidence.jsonl"].splitlines()]
    (criteria,) = [line["data"] for line in lines if line.get("fact") == "success_criteria"]
    assert criteria["verified"]["verdict"] == "failed"


def test_what_failed_before_the_deployment_too_is_said_to_have_been_broken_before(world, engine):
    first, _ = world.plant()
    one = engine()
    one.run(first)
    served = one.attempt(first).merge_sha
    verify_by(world, 'integration = ["echo always; false"]', 'e2e = ["exit 4"]')
    second, _ = world.plant(seed=2)
    one.run(second)
    stopped = one.attempt(second)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "post_deploy_failed"), one.said
    assert "it was broken before" in stopped.reason
    assert report(one, stopped, "baseline", served).verdict is Verdict.FAILED
    # nothing is taken back for it, so all is looked at
    assert [suite["round"] for suite in report(one, stopped).suites] == [1, 1]


def test_what_served_before_serves_again_after_the_first_suite_that_failed_whatever_suites_follow(world, engine):
    follow = 'e2e = ["sleep 300", "sleep 600"]'
    verify_by(world, 'integration = ["true", "exit 4"]', follow, "rerun = true", "baseline = false")
    before = tip(world)
    serving.deploy(world.shop_url, before)
    key, _ = world.plant()
    one = engine()
    record = one.run(key)[Artifact.VERIFICATION_REPORT]
    broken = one.attempt(key)
    assert (broken.state, serving.revision(world.shop_url)) == (State.ROLLING_BACK, before), one.said
    ran = [("integration", "passed", 1), ("integration", "failed", 1), ("integration", "failed", 2)]
    left_out = ("e2e", "did_not_run", 0)
    suites = report(one, broken).suites
    assert [(s["suite"], s["verdict"], s["round"]) for s in suites] == [*ran, left_out, left_out]
    assert suites[-1]["reason"] == "it was not begun: integration had not passed"
    assert [check.name for check in record.checks] == ["integration"]


class Listener(list[str]):
    """Says something once, when it hears the beginning of it."""

    def __init__(self, beginning: str, says: Callable[[], object]) -> None:
        self._beginning, self._says = beginning, says

    def append(self, text: str) -> None:
        super().append(text)
        if text.startswith(self._beginning) and not any(line.startswith(self._beginning) for line in self[:-1]):
            self._says()


@pytest.mark.parametrize("during", ["verifying", "baking", "sealing"])
def test_a_rollback_asked_for_while_it_is_verified_is_heeded_though_everything_passes(world, engine, during):
    verify_by(world, SUITE, f'bake = "{"10m" if during == "baking" else "0s"}"', "baseline = false")
    key, _ = world.plant()
    one = engine()
    one.run(key, *tuple(Artifact)[:9])
    stood = one.attempt(key)
    one.said = Listener(during, lambda: ask(one.services, stood, "rollback", by="ada"))
    one.take(Artifact.VERIFICATION_REPORT, key)
    one.said.append("sealing")
    one.take(Artifact.EVIDENCE, key)
    taken_back = one.attempt(key)
    assert (taken_back.state, taken_back.verified_sha is None) == (State.ROLLING_BACK, during != "sealing"), one.said
    assert taken_back.reason.startswith("ada asked to take it back")
    assert one.services.store.requests.open(stood.id) == ()


def test_a_rollback_asked_for_as_it_is_completed_starts_what_takes_it_back(world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key, *tuple(Artifact)[:10])
    stood = one.attempt(key)
    one.take(Artifact.EVIDENCE, key)
    ask(one.services, stood, "rollback", by="ada")  # as it stood a moment before

    def no_more(artifact: Artifact, _: Attempt) -> None:
        raise TryAgain(f"{artifact} is not of interest here")

    continue_changes(one.services, Inline(one.services, before=no_more, status={one.run_id: "success"}))
    done, revert = one.services.store.runs.all_of(key)
    assert (done.state, revert.kind) == (State.COMPLETED, Kind.REVERT)
    assert one.services.store.requests.open(stood.id) == ()
