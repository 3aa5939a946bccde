"""One change through all the steps, without Dagster: what each leaves and where it stops."""

from world_facts import git

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.run import State

SIGNED = "Signed-off-by: oneshot <oneshot@localhost>"


def test_a_change_goes_from_its_issue_to_completed(world, engine):
    key, issue = world.plant()
    one = engine(identity={"trailers": (SIGNED,)})
    outcomes = one.run(key)
    assert list(outcomes) == list(Artifact), (one.said, outcomes)
    assert all(isinstance(outcome, Record) for outcome in outcomes.values()), outcomes
    attempt = one.attempt(key)
    assert attempt.state is State.COMPLETED
    assert attempt.judged_sha == attempt.head_sha
    assert issue.check(world.shop_url).ok
    for sha in (attempt.head_sha, attempt.merge_sha):
        assert git(world, "log", "-1", "--format=%(trailers:only)", sha).strip().splitlines()[-1] == SIGNED
