"""The model check at its larger bounds, with tables of what was seen and of what found each seeded defect.
Not among the tests that run by themselves, because it takes long: `make model-check`, with BOUND=part-of-a-name a part;
STATES is how many are seen of the bounds that are too large to be seen whole."""

import os
import time

import pytest
from matrix_table import CELL, Cell, Record
from model_bounds import FOUND_IN, FURTHER, LARGE, REDUCED, REDUCED_FURTHER, SMALL
from model_check import Found, check
from model_reduced import check_reduced
from model_state import Bound, Defect, Model

IN_PART = (*REDUCED_FURTHER, *FURTHER)
BOUNDS = (*IN_PART, *REDUCED, *LARGE, *SMALL)  # the longest first
CHOSEN = [bound for bound in BOUNDS if os.environ.get("BOUND", "") in bound.name]
DEFECTS = tuple(Defect)
_MOST = int(os.environ.get("STATES", "1000000"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("bound", CHOSEN, ids=lambda bound: bound.name)
def test_every_state(record_property: Record, bound: Bound):
    began = time.monotonic()
    search = check_reduced if bound in REDUCED + REDUCED_FURTHER else check
    found = search(Model(bound=bound), most=_MOST if bound in IN_PART else None)
    seconds = time.monotonic() - began
    held = "holds" if found.whole else f"not whole: given up at {_MOST} states"
    told = {"steps": str(found.steps), "seconds": f"{seconds:.0f}", "claims": _bold(found.violation) or held}
    _tell(record_property, "The model's states", BOUNDS.index(bound), bound.name, found, told)
    assert not found.violation, "\n".join(found.way)
    assert found.whole or bound in IN_PART


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
