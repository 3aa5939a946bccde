"""GitHub fails once, or for ever, at one call of a run: the change is completed all the same, or a person is told why
and the change is completed once that is mended. These are the telling calls; `make fault-matrix` takes every one."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from fault_calls import call_of
from fault_matrix import Matrix
from rollback_matrix import RollbackMatrix
from world_fixtures import running_world

from oneshot_dagster.domain.run import State

NewMatrix = Callable[..., AbstractContextManager[Matrix]]
PULL = "/repos/acme/shop/pulls/{n}"
ONCE = [
    (f"GET {PULL} #2", "cut after"),
    ("POST /acme/shop.git/git-receive-pack #1", "cut after"),
    ("POST /repos/acme/shop/pulls #1", "502 after"),
    ("POST /repos/acme/shop/issues/{n}/comments #1", "cut after"),
    (f"PUT {PULL}/merge-async #1", "502 after"),
    (f"PUT {PULL}/merge-async #1", "hang"),
    (f"PUT {PULL}/merge-async #1", "403 limit, no retry-after"),
    ("GET /acme/shop.git/info/refs?service=git-receive-pack #2", "502 before"),
    ("POST /repos/acme/shop/deployments #1", "502 before"),
    ("POST /repos/acme/shop/deployments #1", "429"),
]
READ_BACK = f"GET {PULL} #4"  # of a merge whose answer says no more than that it was taken up
OF_A_REVERT = [
    (f"PUT {PULL}/merge-async #1", "502 after"),
    (READ_BACK, "unknown SHA"),
]
FOR_EVER = [
    ("POST /repos/acme/shop/pulls #1", "403 for ever", "POST /repos/acme/shop/pulls"),
    (f"GET {PULL} #1", "502 for ever", "GET /repos/acme/shop/pulls/"),
    ("GET /repos/acme/shop/issues/{n}/comments #1", "422 for ever", "GET /repos/acme/shop/issues/"),
]


@pytest.fixture(scope="module")
def new_matrix(
    tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[..., str], store_template: str
) -> NewMatrix:
    """A matrix of that walk in a world of its own: one has issues for some two hundred cases."""

    @contextmanager
    def made(walk: type[Matrix] = Matrix) -> Generator[Matrix]:
        home, database = tmp_path_factory.mktemp("faults") / "home", make_lasting_database(store_template)
        with running_world(home, database, "--null-ci") as world:
            yield walk(world)

    return made


@pytest.fixture(scope="module")
def matrix(new_matrix: NewMatrix) -> Iterator[Matrix]:
    with new_matrix() as made:
        yield made


@pytest.mark.parametrize(("call", "fault"), ONCE)
def test_what_fails_once_keeps_no_change_from_its_end(matrix, call, fault):
    outcome = matrix.case(matrix.named(call), fault)
    assert outcome.problems == ()
    assert outcome.launches <= 2


def test_another_commit_than_what_landed_is_read_again_and_taken_for_no_merge(matrix):
    outcome = matrix.case(matrix.named(READ_BACK), "SHA of the base")
    assert outcome.problems == ()
    assert outcome.ended == State.COMPLETED


@pytest.fixture(scope="module")
def rollback(matrix) -> RollbackMatrix:
    return RollbackMatrix(matrix.world)


@pytest.mark.parametrize(("call", "fault"), OF_A_REVERT)
def test_what_fails_once_in_a_rollback_takes_it_back_once_all_the_same(rollback, call, fault):
    outcome = rollback.case(call_of(call), fault)
    assert outcome.problems == ()
    assert outcome.ended == State.NEEDS_ITERATION


@pytest.mark.parametrize(("call", "fault", "named"), FOR_EVER)
def test_what_fails_for_ever_is_named_to_a_person_and_goes_on_once_it_is_mended(matrix, call, fault, named):
    outcome = matrix.case(matrix.named(call), fault)
    assert outcome.problems == ()
    assert outcome.ended == State.NEEDS_HUMAN
    assert outcome.sealed
    assert named in outcome.reason
