"""GitHub fails at one call of a look through a repository, once or for ever: what was asked is heeded all the same, once, or as soon
as that is mended. These are the telling calls; `make fault-matrix` takes every one."""

import time
from dataclasses import replace
from functools import cached_property

import pytest
from asking import Asking
from fault_calls import FOR_EVER, LOGIN, Call, armed, calls_of
from fault_matrix import Hurried
from look_points import Asked, asked
from world_facts import tip
from world_fixtures import Engine

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.services.github.client import GitHubClient

PATIENCE = 30.0
ISSUE = "/repos/acme/shop/issues/{n}"
TELLING = [
    ("a label", "GET /repos/acme/shop/issues #1", "429"),
    ("a label", f"GET {ISSUE}/timeline #1", "502 before"),
    ("a label", f"POST {ISSUE}/comments #1", "502 before"),
    ("a label", f"POST {ISSUE}/comments #1", "cut after"),
    ("a label", f"POST {ISSUE}/comments #1", "403 for ever"),
    ("a label", f"GET {ISSUE}/timeline #1", "404 for ever"),
    ("a comment", "GET /repos/acme/shop/issues/comments #1", "hang"),
    ("a command in vain", f"POST {ISSUE}/comments #1", "502 after"),
    ("a command in vain", f"POST {ISSUE}/comments #1", "403 for ever"),
    ("a stop", "GET /repos/acme/shop/collaborators/ada/permission #1", "403 limit"),
    ("a label taken off", f"GET {ISSUE}/timeline #1", "502 for ever"),
    ("a label taken off", f"GET {ISSUE}/timeline #1", "stale"),
]


class LookMatrix:
    """Every case is an issue of its own in one world; GitHub's limits and silences are cut short."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        settings = asking.world.settings()
        github = GitHubClient(
            api_url=settings.github.api_url,
            graphql_url=settings.github.graphql_url,
            token=settings.github.token.get_secret_value,
            timeout=2.5,
        )
        asking.services = replace(asking.services, github=Hurried(github))
        asking.services.github.login  # noqa: B018 - asked for once, before anything is counted
        asking.look()  # the first look at a repository asks for more than the later ones

    @cached_property
    def calls(self) -> dict[str, list[Call]]:
        """Of a look without a fault, for each thing that is asked."""
        return {what: self._clean(what) for what in ("a label", "a comment", "a command in vain", "a stop")} | {
            "a label taken off": self._clean("a label taken off")
        }

    def _clean(self, what: str) -> list[Call]:
        one = asked(self.asking, what)
        self.asking.world.forge.clear_requests()
        self.asking.look()
        assert one.stands()
        return calls_of(self.asking.world.forge.requests())

    def named(self, what: str, name: str) -> Call:
        return next(call for call in self.calls[what] if call.name == name)

    def case(self, what: str, call: Call, fault: str) -> tuple[bool, list[str]]:
        """Whether the call was made at all (what was read lately is remembered), and what does not hold, in words."""
        one, forge = asked(self.asking, what), self.asking.world.forge
        where = {"method": call.method, "path": call.path, "graphql": call.graphql, "login": LOGIN, "nth": call.nth}
        forge.arm(**armed(fault, base=tip(self.asking.world)), **where)
        try:
            said = [self.asking.look() for _ in range(2 if fault in FOR_EVER else 1)]
            made, problems = bool(forge.faults()[0]["hit"]), list[str]()
            if fault in FOR_EVER and one.comments() > 1:
                problems.append(f"said {one.comments()} times")
        finally:
            forge.clear_faults()
        deadline = time.monotonic() + PATIENCE
        while not (self._heeded(one) or (fault in FOR_EVER and self._is_answered(one))):
            if time.monotonic() > deadline:
                return made, [*problems, f"not heeded: {said}"]
            time.sleep(0.2)
            said.append(self.asking.look())
        return made, problems

    def _is_answered(self, one: Asked) -> bool:
        """That GitHub knows of no such thing is an answer: it was refused in words, and may be asked for again."""
        codes = {refusal.code for refusal in self.asking.services.store.triggers.refusals(one.key)}
        return bool(codes - {"fault", "not_taken_in"}) and one.comments() <= 1

    def _heeded(self, one: Asked) -> bool:
        """What could not be said at the start is said by the run; an answer that GitHub refuses is not said again."""
        if one.stands():
            return True
        if one.what == "a command in vain":
            return one.is_refused() and one.comments() == 0
        if one.what not in {"a label", "a comment"} or not one.is_taken_in():
            return False
        Engine(self.asking.services, f"run-{one.key.issue_number}").take(Artifact.WORKTREE, one.key)
        return one.comments() == 1


@pytest.fixture(scope="module")
def matrix(shared_asking) -> LookMatrix:
    return LookMatrix(shared_asking)


@pytest.mark.parametrize(("what", "call", "fault"), TELLING)
def test_what_was_asked_while_github_failed_is_heeded_once(matrix, what, call, fault):
    assert matrix.case(what, matrix.named(what, call), fault) == (True, [])
