"""What `make fault-matrix` prints: a line as each fault is through, and the tables at the end, whichever worker made the cells."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from fault_calls import LEFT_OUT

CELL, TOLD = "cell", "told"


class Cell(NamedTuple):
    """`call` at its place `row` in a clean walk; `said` is how the case ended, bold where something is wrong."""

    walk: str
    row: int
    call: str
    fault: str
    said: str


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Progress(config))


class Progress:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        cells = list(_cells([report]))
        if cells and isinstance(terminal, pytest.TerminalReporter):
            wrong = sum(cell.said.startswith("**") for cell in cells)
            terminal.write_line(f"{cells[0].walk}, {cells[0].fault}: {len(cells)} cells, {wrong} wrong", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, [])]
    cells = list(_cells(reports))
    for walk in dict.fromkeys(cell.walk for cell in cells):
        for line in _table(walk, [cell for cell in cells if cell.walk == walk]):
            terminalreporter.write_line(line)
    terminalreporter.section("what a person was told")
    for report in reports:
        for name, said in report.user_properties:
            if name == TOLD:
                terminalreporter.write_line(f"- {said}")
    terminalreporter.section("left out")
    for (family, fault), why in LEFT_OUT.items():
        terminalreporter.write_line(f"- {family}, {fault}: {why}")


def _cells(reports: Iterable[pytest.TestReport]) -> Iterator[Cell]:
    for report in reports:
        if report.when == "call":
            yield from (Cell(*value) for name, value in report.user_properties if name == CELL)


def _table(walk: str, cells: list[Cell]) -> Iterator[str]:
    faults = list(dict.fromkeys(cell.fault for cell in cells))
    rows = dict(sorted({cell.row: cell.call for cell in cells}.items()))
    said = {(cell.row, cell.fault): cell.said for cell in cells}
    yield f"\n{len(rows)} HTTP calls in {walk}. A cell: how the change ended, and in how many launches.\n"
    yield "| call | " + " | ".join(faults) + " |"
    yield "|---" * (len(faults) + 1) + "|"
    for row, call in rows.items():
        yield f"| {call} | " + " | ".join(said.get((row, fault), "–") for fault in faults) + " |"
