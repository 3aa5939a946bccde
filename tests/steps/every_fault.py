"""The whole matrix: every HTTP call of a clean walk with every fault. A test is one fault at each call of one walk; how each case
ended is told by matrix_table. Not among the tests that run by themselves, because it takes long: `make fault-matrix`."""

import os
from collections.abc import Iterable

import argo_matrix
import pytest
from argo_matrix import ArgoMatrix
from fault_calls import FAULTS, FOR_EVER, LEFT_OUT, Call
from fault_matrix import Matrix
from matrix_table import CELL, NOTE, Cell, Record
from rollback_matrix import RollbackMatrix
from test_argocd_change import Shop, shop  # noqa: F401
from test_fault_looks import LookMatrix
from test_fault_looks import matrix as looks  # noqa: F401
from test_fault_matrix import NewMatrix, new_matrix  # noqa: F401

from oneshot_dagster.domain.run import State

CHOSEN = os.environ.get("FAULTS", "")
WALKS = {"a run": Matrix, "a rollback": RollbackMatrix}


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("walk", WALKS)
def test_every_call_with_every_fault(new_matrix: NewMatrix, record_property, walk, fault):  # noqa: F811
    with new_matrix(WALKS[walk]) as matrix:
        assert _walked(matrix, matrix.calls, walk, fault, record_property) == []


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", argo_matrix.FAULTS)
def test_every_call_to_argo_cd_with_every_fault(shop: Shop, record_property, fault):  # noqa: F811
    """Each case begins with what the revert of the case before left."""
    matrix = ArgoMatrix(shop)
    assert _walked(matrix, matrix.calls_made(), "a rollback by Argo CD", fault, record_property) == []


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_call_of_a_look_with_every_fault(looks: LookMatrix, record_property, fault):  # noqa: F811
    """What people asked on GitHub while GitHub failed: heeded once, or said what does not hold."""
    failed = list[str]()
    for what, calls in looks.calls.items():
        for row, call in enumerate(calls):
            if CHOSEN in f"{call.name}, {fault}":
                made, problems = looks.case(what, call, fault)
                said = f"**{'; '.join(problems)}**" if problems else "heeded" if made else "not asked"
                record_property(CELL, tuple(Cell(f"a look for {what}", row, call.name, fault, said)))
                failed += [f"{what}: {call.name}, {fault}: {problem}" for problem in problems]
    assert failed == []


def _walked(matrix: Matrix, calls: Iterable[Call], walk: str, fault: str, record: Record) -> list[str]:
    failed = list[str]()
    for row, call in enumerate(calls):
        if CHOSEN not in f"{call.name}, {fault}":
            continue
        if why := LEFT_OUT.get((call.family, fault)):
            record(NOTE, ("left out", f"{call.family}, {fault}: {why}"))
            continue
        name, outcome = f"{call.name}, {fault}", matrix.case(call, fault)
        wrong = f"**{'; '.join(outcome.problems)}**" if outcome.problems else ""
        record(CELL, tuple(Cell(walk, row, call.name, fault, wrong or f"{outcome.ended}, {outcome.launches}")))
        if fault in FOR_EVER or outcome.ended == State.NEEDS_HUMAN:
            record(NOTE, ("what a person was told", f"{name}: {outcome.ended}: {outcome.reason}"))
        failed += [f"{name}: {problem}" for problem in outcome.problems]
    return failed
