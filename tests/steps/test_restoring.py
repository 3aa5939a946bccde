"""What keeps what stood before from serving again at once: a GitHub or a host that is away, a service that names no commit."""

from people import policy, push
from world_facts import tip
from world_fixtures import Engine, served

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.plant import ENGINE

START = './deploy.sh {sha}"]'
MERGED = tuple(Artifact)[: tuple(Artifact).index(Artifact.DEPLOYMENT)]


def _failures(one: Engine, key: ChangeKey) -> list[str]:
    found = one.services.store.artifacts.evaluations(one.attempt(key).id)
    return [str(e.reasons["detail"]) for e in found if e.reasons.get("error") == "post_deploy_failed"]


def test_a_failed_deployment_is_restored_while_github_does_not_answer(world, engine):
    before = tip(world)
    serving.deploy(world.shop_url, before)
    own = policy(world)
    push(world, "main", {".oneshot.toml": own.replace(START, START[:-1] + f', "test {{sha}} = {before}"]')})
    key, _ = world.plant()
    one = engine()
    one.run(key, *MERGED)
    world.forge.arm("502_before", method="POST", path="/deployments/[0-9]+/statuses$", login=ENGINE, nth=2, times=1000)
    one.take(Artifact.DEPLOYMENT, key)
    broken = one.attempt(key)
    assert len(_failures(one, key)) == 1
    assert broken.state is State.ROLLING_BACK, broken.reason
    assert serving.deployed(world.shop_url) == [before, broken.merge_sha, before]
    assert served(world.shop_url)["revision"] == before
