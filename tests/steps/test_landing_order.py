"""Of several merges on one base the older is never deployed over the newer, and what was taken back does not come back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from fault_matrix import Inline
from people import push
from process_launcher import sealed
from world_facts import git, tip
from world_fixtures import World, running_world, served

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.steps.holds import HOLD_LABEL
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services

REPOSITORY = "acme/shop"


@dataclass
class Landing:
    """A world with something verified in it, where people merge what waits for them."""

    world: World
    services: Services
    seed: int = 0
    launcher: Inline = field(init=False)

    def __post_init__(self) -> None:
        self.launcher = Inline(self.services)

    def taken_in(self, kind: Issue = Issue.HAPPY) -> ChangeKey:
        self.seed += 1
        key, _ = self.world.plant(kind, self.seed)
        take_in(self.services, key, base=None, prompt="", by="ada")
        return key

    def held(self) -> ChangeKey:
        """Judged, and kept for a person to merge."""
        key = self.taken_in()

        def label(artifact: Artifact, attempt: Attempt) -> None:
            if artifact is Artifact.MERGE:
                self.world.forge.label(REPOSITORY, self.attempt(attempt.key).pr_number, HOLD_LABEL)

        self.launcher.before = label
        self.walk(key, lambda attempt: attempt.awaited is not None)
        self.launcher.before = lambda _artifact, _attempt: None
        return key

    def merge(self, key: ChangeKey) -> None:
        self.world.forge.merge_as_person(REPOSITORY, self.attempt(key).pr_number)

    def take_out(self, merged: ChangeKey, *, since: str) -> None:
        """Ada, in a commit of her own."""
        self.services.git.fetch(REPOSITORY)
        made = self.services.git.snapshot(merged, base_sha=since, head_sha=tip(self.world), patches=False)
        push(self.world, "main", {file.path: None for file in made.files}, message="Take it out")

    def attempt(self, key: ChangeKey) -> Attempt:
        found = self.services.store.runs.latest(key)
        assert found is not None
        return found

    def walk(
        self, key: ChangeKey, over: Callable[[Attempt], bool] = sealed, *, also: tuple[ChangeKey, ...] = ()
    ) -> Attempt:
        for _ in range(40):
            for one in (key, *also):
                continue_changes(self.services, self.launcher, only=one)
            if over(self.attempt(key)):
                return self.attempt(key)
        raise AssertionError([(a.state, a.reason) for a in self.services.store.runs.all_of(key)])

    def first(self, key: ChangeKey) -> Attempt:
        return self.services.store.runs.all_of(key)[0]


@pytest.fixture(scope="module")
def landing(
    tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[..., str], store_template: str
) -> Iterator[Landing]:
    home, database = tmp_path_factory.mktemp("landing") / "home", make_lasting_database(store_template)
    with running_world(home, database, "--null-ci") as world:
        services = open_services(world.settings(hold_seconds=0.0))
        one = Landing(world, services)
        one.walk(one.taken_in())
        yield one
        services.close()


def test_of_two_merges_the_older_is_not_deployed_over_the_newer(landing):
    newer, older = landing.held(), landing.held()
    landing.merge(older)
    landing.merge(newer)
    last = landing.walk(newer, also=(older,))
    first = landing.walk(older)
    assert (first.state, last.state) == (State.COMPLETED, State.COMPLETED), (first.reason, last.reason)
    assert serving.deployed(landing.world.shop_url)[-2:] == [first.merge_sha, last.merge_sha]
    assert [a.verified_sha for a in (first, last)] == [first.merge_sha, last.merge_sha]


def test_what_a_person_merged_behind_a_change_that_was_taken_back_does_not_bring_it_back(landing):
    world, behind, broken = landing.world, landing.held(), landing.taken_in(Issue.BAD_DEPLOY)

    def meanwhile(artifact: Artifact, attempt: Attempt) -> None:
        if artifact is Artifact.VERIFICATION_REPORT and attempt.key == broken and attempt.number == 1:
            landing.merge(behind)
            continue_changes(landing.services, landing.launcher, only=behind)

    landing.launcher.before = meanwhile
    landing.walk(broken, lambda _: landing.first(broken).state is State.NEEDS_ITERATION)
    revert = landing.services.store.runs.all_of(broken)[1]
    done = landing.walk(behind)
    assert done.state is State.COMPLETED, done.reason
    deployed = serving.deployed(world.shop_url)
    assert deployed[-1] == served(world.shop_url)["revision"] == revert.merge_sha == done.verified_sha
    assert done.merge_sha not in deployed
    assert git(world, "merge-base", "--is-ancestor", done.merge_sha, revert.merge_sha) == ""


def test_what_a_person_merged_and_took_out_again_is_not_deployed_and_ends_as_taken_back(landing):
    key, since = landing.held(), tip(landing.world)
    deployed = serving.deployed(landing.world.shop_url)
    landing.merge(key)
    landing.take_out(key, since=since)
    landing.walk(key, lambda a: a.state is State.NEEDS_HUMAN)
    done, revert = landing.services.store.runs.all_of(key)
    assert (done.human_reason, revert.state) == ("rolled_back", State.SUPERSEDED), (done.reason, revert.reason)
    assert serving.deployed(landing.world.shop_url) == deployed
