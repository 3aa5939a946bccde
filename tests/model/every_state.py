"""The model check at its larger bounds, with a table of what was seen and of what found each seeded defect.
Not among the tests that run by themselves, because it takes long: `make model-check`, with BOUND=part-of-a-name a part;
STATES is how many are seen of the bounds that are too large to be seen whole."""

import os
import time

import pytest
from model_bounds import FOUND_IN, FURTHER, LARGE, SMALL
from model_check import check
from model_state import Defect, Model

CHOSEN = os.environ.get("BOUND", "")
_MOST = int(os.environ.get("STATES", "1000000"))


@pytest.mark.timeout(0)
def test_every_state(request):
    table = request.config.get_terminal_writer()
    wrong: list[str] = []
    total = 0
    for bound in (*SMALL, *LARGE, *FURTHER):
        if CHOSEN not in bound.name:
            continue
        began = time.monotonic()
        found = check(Model(bound=bound), most=_MOST if bound in FURTHER else None)
        total += found.states
        said = found.violation or ("holds" if found.whole else f"not whole: given up at {_MOST} states")
        seconds = time.monotonic() - began
        table.line(f"{found.states:>9} states {found.steps:>10} steps {seconds:>6.0f} s  {bound.name}: {said}")
        if found.violation or not (found.whole or bound in FURTHER):
            wrong.append("\n".join([f"{bound.name}: {said}", *found.way]))
    table.line(f"{total:>9} states in all")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.timeout(0)
def test_every_seeded_defect(request):
    table = request.config.get_terminal_writer()
    for defect in Defect:
        found = check(Model(bound=FOUND_IN[defect], defect=defect))
        table.line(f"{found.states:>9} states  {defect}: {found.violation}")
        assert found.violation, defect
