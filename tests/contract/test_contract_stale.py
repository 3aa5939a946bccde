"""A gap that nothing meets is named, but only where all tests ran."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CONFTEST = """
from contract.stale import StaleGaps

def pytest_configure(config):
    config.pluginmanager.register(StaleGaps())
"""
MEETING = """
from contract import forge_record
from contract.lacking import GAPS

def test_meets():
    forge_record.met.update(GAPS[1:])
"""


def session(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_meeting.py").write_text(MEETING)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env={**inherited, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "with-workers"])
def test_a_whole_session_names_the_gaps_that_it_did_not_meet_and_fails(tmp_path, workers):
    done = session(tmp_path, *workers)
    assert done.stdout.count("no exchange met it: ") == 1
    assert "* status 401 (" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize("chosen", [("test_meeting.py",), ("-k", "meets")], ids=["a-file", "by-name"])
def test_a_part_of_the_tests_cannot_tell_and_passes(tmp_path, chosen):
    done = session(tmp_path, *chosen)
    assert "no exchange met it" not in done.stdout
    assert done.returncode == 0
