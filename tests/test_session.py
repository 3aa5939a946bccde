"""A session of tests that skips says so, and fails where nobody looks at it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import oneshot_dagster

ROOT = Path(oneshot_dagster.__file__).parent.parent
SKIPPING = """
import pytest

def test_runs(): pass
def test_skips(): pytest.skip("no browser")
@pytest.mark.xfail
def test_known_to_fail(): assert False
"""


def session(folder: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_inner.py").write_text(tests)
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env={**inherited, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_skipped_test_is_named_and_fails_only_in_ci(tmp_path, ci, code):
    done = session(tmp_path, SKIPPING, CI=ci)
    assert "did not run: test_inner.py::test_skips: no browser" in done.stdout
    assert "did not run: test_inner.py::test_known_to_fail" not in done.stdout
    assert done.returncode == code


def test_a_module_that_skips_itself_counts(tmp_path):
    done = session(tmp_path, "import pytest\npytest.importorskip('no_such_module')\n\ndef test_x(): pass\n", CI="true")
    assert "did not run: test_inner.py: could not import 'no_such_module'" in done.stdout
    assert done.returncode != 0


def test_a_session_that_ran_everything_passes_in_ci(tmp_path):
    done = session(tmp_path, "def test_x(): pass\n", CI="true")
    assert "did not run" not in done.stdout
    assert done.returncode == 0
