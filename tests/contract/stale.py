"""A session of all tests that did not meet a gap in GitHub's description names it and fails: it is stale.
Where a test failed too, that may be why."""

import sys

import pytest

_MET = "gaps_met"


class StaleGaps:
    """Registered in each worker and in their controller, which hears of what they met."""

    def __init__(self) -> None:
        self.met: set[str] = set()
        self.stale: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        self.met |= set(getattr(node, "workeroutput", {}).get(_MET, ()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if record := sys.modules.get("contract.forge_record"):  # no forge was checked in this process otherwise
            self.met |= {str(gap) for gap in record.met}
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_MET] = sorted(self.met)
        elif _is_whole(session.config) and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            self._judge(session)

    def _judge(self, session: pytest.Session) -> None:
        from contract.lacking import GAPS

        self.stale = [str(gap) for gap in GAPS if str(gap) not in self.met]
        if self.stale:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.stale:
            terminalreporter.section("stale gaps in tests/contract/lacking.py")
        for gap in self.stale:
            terminalreporter.write_line(f"no exchange met it: {gap}")


def _is_whole(config: pytest.Config) -> bool:
    chosen = (config.option.keyword, config.option.markexpr, config.getoption("lf", default=False))
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)
