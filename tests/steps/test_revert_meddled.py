"""What people do while the pull request of a revert is open: they merge it themselves, or take the change out of the base."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import people
import pytest
from fault_matrix import Inline
from world_facts import branches, tip
from world_fixtures import World, running_world, served

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.issues import Kind as Issue
from oneshot_dagster.steps.ask import ask
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services

REPOSITORY = "acme/shop"
Meddle = Callable[[Attempt], None]


@dataclass
class Meddled:
    """A world where something verified serves, and a change on its way in it."""

    world: World
    services: Services

    def walk(self, key: ChangeKey, until: Callable[[Sequence[Attempt]], bool], launcher: Inline) -> list[Attempt]:
        deadline = time.monotonic() + 60
        while True:
            continue_changes(self.services, launcher, only=key)
            attempts = list(self.services.store.runs.all_of(key))
            if until(attempts):
                return attempts
            assert time.monotonic() < deadline, [(a.state, a.reason) for a in attempts]
            launcher.waits()

    def taken_back(self, at: Artifact, meddle: Meddle) -> list[Attempt]:
        """A change that does not stand, in whose revert somebody meddles before that step; until the revert is over."""
        self.since, done = tip(self.world), list[str]()

        def before(artifact: Artifact, attempt: Attempt) -> None:
            if attempt.kind is Kind.REVERT and artifact is at and not done:
                done.append(attempt.id)
                meddle(self.services.store.runs.by_id(attempt.id) or attempt)

        self.launcher = Inline(self.services, before=before)
        key, _ = self.world.plant(Issue.BAD_DEPLOY)
        take_in(self.services, key, base=None, prompt="", by="ada")
        return self.walk(key, _revert_is_over, self.launcher)

    def take_out(self, revert: Attempt, **also: str) -> str:
        """Ada, in a commit of her own on the base."""
        broken, git = self.services.store.runs.all_of(revert.key)[0], self.services.git
        git.fetch(REPOSITORY)
        made = git.snapshot(revert.key, base_sha=self.since, head_sha=broken.merge_sha or "", patches=False)
        return people.push(self.world, "main", {**{f.path: None for f in made.files}, **also}, message="Take it out")

    def merge(self, revert: Attempt) -> None:
        self.world.forge.merge_as_person(REPOSITORY, revert.pr_number)

    def pull(self, attempt: Attempt) -> dict:
        return self.world.forge.pull(REPOSITORY, attempt.pr_number)

    def tree(self, sha: str) -> str:
        self.services.git.fetch(REPOSITORY)
        return self.services.git.tree(REPOSITORY, sha)


def _revert_is_over(attempts: Sequence[Attempt]) -> bool:
    reverts = [a for a in attempts if a.kind is Kind.REVERT and a.evidence_head]
    return bool(reverts) and (reverts[0].state is State.NEEDS_HUMAN or attempts[0].state is State.NEEDS_ITERATION)


@pytest.fixture(scope="module")
def meddled(
    tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[..., str], store_template: str
) -> Iterator[Meddled]:
    home, database = tmp_path_factory.mktemp("meddled") / "home", make_lasting_database(store_template)
    with running_world(home, database, "--null-ci") as world:
        services = open_services(world.settings(hold_seconds=0.0))
        one = Meddled(world, services)
        key, _ = world.plant()
        take_in(services, key, base=None, prompt="", by="ada")
        one.walk(key, lambda attempts: attempts[0].state is State.COMPLETED, Inline(services))
        yield one
        services.close()


def test_a_judged_revert_that_a_person_merges_is_deployed_and_verified_like_ours(meddled):
    broken, revert = meddled.taken_back(Artifact.MERGE, meddled.merge)[:2]
    assert (broken.state, revert.state) == (State.NEEDS_ITERATION, State.COMPLETED), revert.reason
    assert revert.merged_by == "ada"
    assert revert.merge_sha == revert.verified_sha == served(meddled.world.shop_url)["revision"] == tip(meddled.world)
    assert meddled.tree(tip(meddled.world)) == meddled.tree(meddled.since)


@pytest.mark.parametrize(("at", "how"), [(Artifact.MERGE, "take_out"), (Artifact.EVALUATION, "merge")])
def test_what_a_person_takes_out_while_the_revert_is_open_ends_it_and_closes_its_pull_request(meddled, at, how):
    broken, revert = meddled.taken_back(at, getattr(meddled, how))[:2]
    assert (broken.state, revert.state) == (State.NEEDS_ITERATION, State.SUPERSEDED), revert.reason
    assert "which was verified" in broken.reason
    assert meddled.pull(revert)["state"] == "closed"
    said = meddled.world.forge.comments(REPOSITORY, revert.pr_number)
    assert any("Nothing is left to take back here" in comment["body"] for comment in said)
    assert revert.inputs.head not in branches(meddled.world)
    assert [w for w in meddled.services.store.writes.of(revert.key) if w.outcome is None] == []


def test_what_nobody_verified_of_it_leaves_the_pull_request_open_until_a_person_vouches_for_what_serves(meddled):
    words: list[str] = []

    def take_out_and_more(revert: Attempt) -> None:
        words.append(meddled.take_out(revert, **{"README.md": "and something else\n"}))

    _, revert = meddled.taken_back(Artifact.CHECK_STATE, take_out_and_more)
    assert (revert.human_reason, revert.human_from) == ("taken_back_already", State.AWAITING_CI), revert.reason
    assert f"In git: main stands at {words[0][:12]} and holds nothing of" in revert.reason
    assert meddled.pull(revert)["state"] == "open"
    serving.deploy(meddled.world.shop_url, words[0])
    ask(meddled.services, revert, "resume", by="ada")
    broken, revert = meddled.walk(revert.key, lambda a: a[0].state is State.NEEDS_ITERATION, meddled.launcher)[:2]
    assert "ada said that it is right" in broken.reason
    assert (revert.state, meddled.pull(revert)["state"]) == (State.SUPERSEDED, "closed")


def test_a_revert_that_failed_its_suites_once_is_deployed_again_and_completes_after_a_retry(meddled):
    """What was verified last serves meanwhile, and suites against that would prove nothing."""

    def puts_the_broken_one_back(revert: Attempt) -> None:
        broken = meddled.services.store.runs.all_of(revert.key)[0]
        serving.deploy(meddled.world.shop_url, broken.merge_sha or "")

    broken, revert = meddled.taken_back(Artifact.VERIFICATION_REPORT, puts_the_broken_one_back)
    assert (revert.human_reason, revert.human_from) == ("revert_failed", State.VERIFYING), revert.reason
    assert served(meddled.world.shop_url)["revision"] not in {broken.merge_sha, revert.merge_sha}
    ask(meddled.services, revert, "retry", by="ada")
    broken, revert = meddled.walk(revert.key, lambda a: a[0].state is State.NEEDS_ITERATION, meddled.launcher)[:2]
    assert revert.state is State.COMPLETED, revert.reason
    assert served(meddled.world.shop_url)["revision"] == revert.merge_sha
