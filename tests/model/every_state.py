"""The model check at its larger bounds, with tables of what was seen and of what found each seeded defect.
Not among the tests that run by themselves, because it takes long: `make model-check`, with BOUND=part-of-a-name a part."""

import os
import time

import pytest
from matrix_table import CELL, Cell, Record
from model_bounds import FOUND_IN, LARGE, MODULAR, SMALL
from model_check import Found, check
from model_modular import check_modular
from model_state import Bound, Defect, Model

BOUNDS = (*MODULAR[::-1], *LARGE, *SMALL)  # the longest first
CHOSEN = [bound for bound in BOUNDS if os.environ.get("BOUND", "") in bound.name]
DEFECTS = tuple(Defect)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("bound", CHOSEN, ids=lambda bound: bound.name)
def test_every_state(record_property: Record, bound: Bound):
    began = time.monotonic()
    found = check_modular(Model(bound=bound)) if bound in MODULAR else check(Model(bound=bound))
    seconds = time.monotonic() - began
    told = {"steps": str(found.steps), "seconds": f"{seconds:.0f}", "claims": _bold(found.violation) or "hold"}
    if found.pairs:
        told["pairs of states"] = str(found.pairs)
    _tell(record_property, "The model's states", BOUNDS.index(bound), bound.name, found, told)
    assert found.violation is None, "\n".join(found.way)
    assert found.whole


@pytest.mark.timeout(0)
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_every_seeded_defect(record_property: Record, defect: Defect):
    found = check(Model(bound=FOUND_IN[defect], defect=defect))
    told = {"found by": found.violation or _bold("nothing")}
    _tell(record_property, "The seeded defects", DEFECTS.index(defect), str(defect), found, told)
    assert found.violation


def _bold(said: str | None) -> str:
    return f"**{said}**" if said else ""


def _tell(record: Record, table: str, row: int, name: str, found: Found, told: dict[str, str]) -> None:
    for column, said in {"states": str(found.states), **told}.items():
        record(CELL, tuple(Cell(table, row, name, column, said)))
