"""The whole matrix: every HTTP call of a clean run with every fault, and the table of how each case ended.
Not among the tests that run by themselves, because it takes long: `make fault-matrix`, with FAULTS=part-of-a-name a part of it."""

import os

import argo_matrix
import pytest
from argo_matrix import ArgoMatrix
from fault_calls import FAULTS, FOR_EVER, LEFT_OUT, Call
from fault_matrix import Matrix
from rollback_matrix import RollbackMatrix
from test_argocd_change import Shop, shop  # noqa: F401
from test_fault_looks import LookMatrix
from test_fault_looks import matrix as looks  # noqa: F401
from test_fault_matrix import NewMatrix, new_matrix  # noqa: F401

from oneshot_dagster.domain.run import State

CHOSEN = os.environ.get("FAULTS", "")
WALKS = {"a run": Matrix, "a rollback": RollbackMatrix}


@pytest.mark.timeout(0)
@pytest.mark.parametrize("walk", WALKS)
def test_every_call_with_every_fault(new_matrix: NewMatrix, request, walk):  # noqa: F811
    table = request.config.get_terminal_writer()
    with new_matrix(WALKS[walk]) as matrix:
        calls = matrix.calls
    table.line(f"\n\n{len(calls)} HTTP calls in {walk}. A cell: how the change ended, and in how many launches.\n")
    table.line("| call | " + " | ".join(FAULTS) + " |")
    table.line("|---" * (len(FAULTS) + 1) + "|")
    failed, reasons = list[str](), list[str]()
    for call in calls:
        if not any(_is_run(call, fault) for fault in FAULTS):
            continue
        with new_matrix(WALKS[walk]) as matrix:
            cells = [_cell(matrix, call, fault, failed, reasons) for fault in FAULTS]
        table.line(f"| {call.name} | " + " | ".join(cells) + " |")
        table.flush()
    table.line("\nWhat a person was told:\n")
    table.line("\n".join(reasons))
    table.line("\nLeft out:\n")
    table.line("\n".join(f"- {family}, {fault}: {why}" for (family, fault), why in LEFT_OUT.items()))
    assert failed == []


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", argo_matrix.FAULTS)
def test_every_call_to_argo_cd_with_every_fault(shop: Shop, request, fault):  # noqa: F811
    """One world for a fault: each case begins with what the revert of the case before left."""
    table = request.config.get_terminal_writer()
    matrix, failed, reasons = ArgoMatrix(shop), list[str](), list[str]()
    calls = matrix.calls_made()
    table.line(f"\n\n{len(calls)} calls to Argo CD in a rollback.\n\n| call | {fault} |\n|---|---|")
    for call in calls:
        if _is_run(call, fault):
            table.line(f"| {call.name} | {_cell(matrix, call, fault, failed, reasons)} |")
            table.flush()
    table.line("\nWhat a person was told:\n")
    table.line("\n".join(reasons))
    assert failed == []


@pytest.mark.timeout(0)
def test_every_call_of_a_look_with_every_fault(looks: LookMatrix, request):  # noqa: F811
    """What people asked on GitHub while GitHub failed: heeded once, or said what does not hold."""
    table = request.config.get_terminal_writer()
    failed = list[str]()
    for what, calls in looks.calls.items():
        table.line(f"\n\n{what}: {len(calls)} HTTP calls in a clean look.\n")
        table.line("| call | " + " | ".join(FAULTS) + " |")
        table.line("|---" * (len(FAULTS) + 1) + "|")
        for call in calls:
            found = {fault: looks.case(what, call, fault) for fault in FAULTS if CHOSEN in f"{call.name}, {fault}"}
            cells = [_look_cell(*found[fault]) if fault in found else "–" for fault in FAULTS]
            table.line(f"| {call.name} | " + " | ".join(cells) + " |")
            table.flush()
            failed += [f"{what}: {call.name}, {fault}: {p}" for fault, (_, problems) in found.items() for p in problems]
    assert failed == []


def _look_cell(made: bool, problems: list[str]) -> str:
    return f"**{'; '.join(problems)}**" if problems else "heeded" if made else "not asked"


def _cell(one: Matrix, call: Call, fault: str, failed: list[str], reasons: list[str]) -> str:
    if not _is_run(call, fault):
        return "–"
    name = f"{call.name}, {fault}"
    outcome = one.case(call, fault)
    if fault in FOR_EVER or outcome.ended == State.NEEDS_HUMAN:
        reasons.append(f"- {name}: {outcome.ended}: {outcome.reason}")
    failed += [f"{name}: {problem}" for problem in outcome.problems]
    return f"**{'; '.join(outcome.problems)}**" if outcome.problems else f"{outcome.ended}, {outcome.launches}"


def _is_run(call: Call, fault: str) -> bool:
    return (call.family, fault) not in LEFT_OUT and CHOSEN in f"{call.name}, {fault}"
