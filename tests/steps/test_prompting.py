"""What stands in an attempt's prompt, from where it belongs: guidance and template from the base, evidence from the attempt before."""

import people
import pytest
from world_fixtures import Engine

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact, Verdict
from oneshot_dagster.domain.attempt import Report, StoredEvaluation
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.domain.test_results import judge_suite, to_json
from oneshot_dagster.local.demo import plant
from oneshot_dagster.steps.explain import explain

OWN = "Guest of $repository.\n\n## The task\n\n$issue\n"


@pytest.fixture
def one(shared_world):
    services = open_services(shared_world.settings())
    yield Engine(services, "run-1")
    services.close()


def _prompt(one: Engine, key) -> str:
    one.run(key, Artifact.WORKTREE, Artifact.PATCH)
    files = one.services.store.artifacts.files(one.attempt(key).id)
    kept = [f for f in files if f.name == "implementation-prompt"]
    return (one.services.blobs.get(kept[-1].sha256) or b"").decode() if kept else ""


def test_the_evidence_of_the_last_attempt_is_told_also_of_what_failed_when_deployed(shared_world, one):
    key, _ = shared_world.plant()
    one.run(key, Artifact.WORKTREE)
    store, sha = one.services.store, "d" * 40
    first = store.runs.transition(one.attempt(key), State.IMPLEMENTING, reason="", cause="test")
    suite = judge_suite("e2e", "t", sha, exit_code=1, timed_out=False, junit=None, log_tail="502 here", seconds=1.0)
    report = Report(kind="verification", sha=sha, verdict=Verdict.FAILED, suites=(to_json(suite),), at=store.now())
    store.artifacts.add_report(first.id, report)
    judged = StoredEvaluation(
        decision="needs_iteration", sha=sha, reasons={}, missing_items=("the lamp",), next_prompt=None, model=None,
        prompt_sha256=None, raw_output=None, at=store.now(),
    )  # fmt: skip
    store.artifacts.add_evaluation(first.id, judged)
    store.requests.add(first.id, kind="answer", by="ada", text="Lamps too.")
    ended = store.runs.transition(
        first, State.NEEDS_ITERATION, reason="r", cause="test", fields={"next_prompt": "Rolled back.", "merge_sha": sha}
    )
    store.runs.create(
        key, number=2, kind=Kind.IMPLEMENT, mode=ended.mode, inputs=ended.inputs, policy=ended.policy, cause="test",
        next_prompt="Rolled back.",
    )  # fmt: skip
    prompt = _prompt(one, key)
    assert "```why\nRolled back.\n```" in prompt
    assert "502 here" in prompt.split("## What failed after it was merged and deployed", 1)[1]
    assert "- the lamp" in prompt
    assert "```answer of ada\nLamps too.\n```" in prompt


def test_template_and_guidance_are_the_bases(shared_world, one):
    policy = people.policy(shared_world)
    people.push(shared_world, "main", {"AGENTS.md": "Speak softly.\n", "PROMPT.md": OWN})
    people.push(shared_world, "main", {".oneshot.toml": f'{policy}\n[prompt]\nfile = "PROMPT.md"\n'})
    key, _ = shared_world.plant()
    prompt = _prompt(one, key)
    assert prompt.startswith(f"Guest of {plant.REPOSITORY}.\n\n## The task\n\n```issue\n")
    assert "```AGENTS.md\nSpeak softly.\n```" in prompt
    assert "## What holds in any case" in prompt
    people.push(shared_world, "main", {".oneshot.toml": f'{policy}\n[prompt]\nfile = "GONE.md"\n'})
    other, _ = shared_world.plant()
    assert _prompt(one, other) == ""
    stopped = one.attempt(other)
    assert (stopped.state, stopped.human_reason) == (State.NEEDS_HUMAN, "prompt_file")
    assert "[prompt] file" in explain(one.services, stopped).brief
