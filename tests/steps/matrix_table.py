"""What the matrices print: a line as each test is through, with what was wrong in it, and at the end the tables and what else was
noted, whichever worker made the cells. A test records CELL with a Cell as a tuple, and NOTE with the section's title and a line."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

CELL, NOTE = "cell", "note"
Record = Callable[[str, object], None]


class Cell(NamedTuple):
    """`row`: the place of `call` in its table. `column`: what was done to it. `said`: what came of that, bold where it is wrong."""

    table: str
    row: int
    call: str
    column: str
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
            what, wrong = report.nodeid.rpartition("::")[2], [cell for cell in cells if _is_wrong(cell)]
            terminal.write_line(f"{what}: {len(cells)} cells, {len(wrong)} wrong, {report.duration:.0f} s", flush=True)
            for cell in wrong:
                terminal.write_line(f"  {cell.call}, {cell.column}: {cell.said}", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, [])]
    cells = list(_cells(reports))
    for table in dict.fromkeys(cell.table for cell in cells):
        for line in _table(table, [cell for cell in cells if cell.table == table]):
            terminalreporter.write_line(line)
    noted = dict.fromkeys(tuple(said) for report in reports for name, said in report.user_properties if name == NOTE)
    for title in dict.fromkeys(title for title, _ in noted):
        terminalreporter.section(title)
        for line in (line for of, line in noted if of == title):
            terminalreporter.write_line(f"- {line}")


def _cells(reports: Iterable[pytest.TestReport]) -> Iterator[Cell]:
    for report in reports:
        if report.when == "call":
            yield from (Cell(*value) for name, value in report.user_properties if name == CELL)


def _is_wrong(cell: Cell) -> bool:
    return cell.said.startswith("**")


def _table(title: str, cells: list[Cell]) -> Iterator[str]:
    columns = list(dict.fromkeys(cell.column for cell in cells))
    rows = dict(sorted({cell.row: cell.call for cell in cells}.items()))
    said = {(cell.row, cell.column): cell.said for cell in cells}
    wrong = sum(map(_is_wrong, cells))
    yield f"\n{title}: {len(rows)} rows, {len(cells)} cells, {wrong} wrong.\n"
    yield "| | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row, call in rows.items():
        yield f"| {call} | " + " | ".join(said.get((row, column), "–") for column in columns) + " |"
