"""The head of the evidence is kept where whoever rewrites our store does not reach: the pull request and the deployment."""

from dataclasses import replace

from world_facts import pulls

from oneshot_dagster.domain.evidence import Header, seal
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.anchor import state_of
from oneshot_dagster.steps.proof import prove_attempt


def test_the_head_stands_in_one_comment_of_the_pull_request_and_in_the_deployment(world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key)
    done = one.attempt(key)
    assert done.state is State.COMPLETED, one.said
    (comment,) = [c["body"] for c in world.forge.comments(key.repository, done.pr_number) if ":evidence-" in c["body"]]
    assert f"Head of the chain: `{done.evidence_head}`" in comment
    assert "7 of 7 criteria passed" in comment
    (deployment,) = world.forge.api("GET", key.repository, "/deployments", sha=done.merge_sha)
    newest = world.forge.api("GET", key.repository, f"/deployments/{deployment['id']}/statuses")[0]
    assert (newest["state"], newest["description"]) == ("success", f"completed, evidence {done.evidence_head}")
    assert len(pulls(world, key)) == 1
    assert state_of(one.services, done, deployment["id"]) == "success"
    taken_back = replace(done, state=State.NEEDS_ITERATION)  # and GitHub would not hear that it failed
    assert state_of(one.services, taken_back, deployment["id"]) == "inactive"


def test_a_bundle_that_was_rewritten_and_hashed_anew_with_its_row_is_found_by_the_pull_request(world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key)
    services, done = one.services, one.attempt(key)
    (deployment,) = world.forge.api("GET", key.repository, "/deployments", sha=done.merge_sha)
    asked = f"pull request #{done.pr_number} says the same, deployment {deployment['id']} says the same"
    assert prove_attempt(services, done).anchor == asked
    header = Header(change=str(key), attempt=1, outcome="completed", at=done.finished_at, about={})
    content, head = seal(header, services.store.facts.of(done.id)[:-1], ())
    blob = services.blobs.put(content)
    services.store.artifacts.add_file(
        done.id,
        artifact="evidence",
        name="evidence.jsonl",
        sha256=blob.sha256,
        size=blob.size,
        media_type="application/jsonl",
        uri=blob.uri,
    )
    services.store.runs.update(done.id, {"evidence_head": head})
    forged = one.attempt(key)
    assert prove_attempt(services, forged, anchors=False).broken is None
    broken = prove_attempt(services, forged).broken
    assert broken == f"pull request #{done.pr_number} says its head is {done.evidence_head}, here it is {head}"
    for comment in world.forge.comments(key.repository, done.pr_number):
        world.forge.api("DELETE", key.repository, f"/issues/comments/{comment['id']}")
    without = prove_attempt(services, forged).broken
    assert without == f"deployment {deployment['id']} says its head is {done.evidence_head}, here it is {head}"
