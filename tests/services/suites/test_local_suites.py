"""Suites as real processes in real folders."""

import os
import secrets
import time
from pathlib import Path

import pytest

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.test_results import SuiteResult
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.sandbox import Sandbox

SHA = "a" * 40
ONE_TEST = '<testsuite tests="1"><testcase classname="t" name="one" time="0.1"/></testsuite>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def run(folder: Path, command: str, *, timeout: float = 30.0, cancelled: bool = False, **env: str) -> SuiteResult:
    request = SuiteRequest(suite="unit", command=command, folder=folder, sha=SHA, timeout=timeout, env=env)
    suites = LocalSuites(scratch=folder.parent / "it's scratch")
    return suites.run(request, say=lambda _: None, cancelled=lambda: cancelled)


def sleeper() -> str:
    """A sleep command that no other test has; a pid of a sandbox says nothing outside."""
    return f"sleep 6{secrets.randbelow(10**9):09}"


def is_running(command: str) -> bool:
    wanted = command.replace(" ", "\0").encode() + b"\0"
    return any(read(entry) == wanted for entry in Path("/proc").glob("[0-9]*/cmdline"))


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_a_report_with_a_passed_test_is_passed(folder: Path) -> None:
    result = run(folder, f"echo '{ONE_TEST}' > {{junit}}; echo fine; echo bad >&2")
    assert (result.verdict, result.count("passed"), result.exit_code) == (Verdict.PASSED, 1, 0)
    assert result.log_tail == "fine\nbad\n"


def test_zero_tests_did_not_run(folder: Path) -> None:
    assert run(folder, "echo '<testsuite/>' > {junit}").verdict is Verdict.DID_NOT_RUN


def test_no_report_did_not_run(folder: Path) -> None:
    assert run(folder, "true # {junit}").verdict is Verdict.DID_NOT_RUN


def test_a_report_that_is_a_link_is_not_read(folder: Path) -> None:
    (folder / "elsewhere.xml").write_text(ONE_TEST)
    assert run(folder, f"ln -s {folder}/elsewhere.xml {{junit}}").verdict is Verdict.DID_NOT_RUN


def test_a_report_that_is_a_pipe_does_not_block(folder: Path) -> None:
    assert run(folder, "mkfifo {junit}").verdict is Verdict.DID_NOT_RUN


@pytest.mark.parametrize("command", ["no-such-program", "./not-executable"])
def test_a_command_that_cannot_start_did_not_run(folder: Path, command: str) -> None:
    (folder / "not-executable").write_text("x")
    assert run(folder, command).verdict is Verdict.DID_NOT_RUN


def test_a_folder_that_is_not_there_did_not_run(folder: Path) -> None:
    assert run(folder / "gone", "true").verdict is Verdict.DID_NOT_RUN


def test_a_failing_command_failed(folder: Path) -> None:
    result = run(folder, "exit 3")
    assert (result.verdict, result.exit_code) == (Verdict.FAILED, 3)


def test_a_syntax_error_in_the_command_is_in_the_log(folder: Path) -> None:
    result = run(folder, "echo (")
    assert result.verdict is Verdict.FAILED
    assert "syntax error" in result.log_tail


def test_a_timeout_fails_and_kills_the_whole_tree(folder: Path) -> None:
    sleep = sleeper()
    for timeout in (1.0, 5.0, 25.0):  # in which a busy machine has to start it
        result = run(folder, f"setsid {sleep} & touch started; wait", timeout=timeout)
        assert result.verdict is Verdict.FAILED
        assert not is_running(sleep)
        if (folder / "started").exists():
            break
    assert (folder / "started").exists()
    assert not is_running(sleep)


def test_what_a_suite_leaves_running_ends_with_it(folder: Path) -> None:
    sleep = sleeper()
    assert run(folder, f"setsid {sleep} >/dev/null 2>&1 & kill -0 $!").verdict is Verdict.PASSED
    assert not is_running(sleep)


def test_a_cancelled_suite_did_not_run(folder: Path) -> None:
    assert run(folder, "sleep 60", cancelled=True).verdict is Verdict.DID_NOT_RUN


def test_a_secret_of_ours_is_not_visible(folder: Path) -> None:
    os.environ["ONESHOT_GITHUB__TOKEN"] = "very-secret-token"
    try:
        result = run(folder, "env; printenv GIVEN", GIVEN="this one is")
    finally:
        del os.environ["ONESHOT_GITHUB__TOKEN"]
    assert result.verdict is Verdict.PASSED
    assert "very-secret-token" not in result.log_tail
    assert "this one is" in result.log_tail


def test_home_and_tmpdir_are_its_own_and_gone_afterwards(folder: Path) -> None:
    result = run(folder, 'echo "$HOME" > home; touch "$HOME/a" "$TMPDIR/b"; mkdir "$HOME/c"; chmod 0 "$HOME/c"')
    assert result.verdict is Verdict.PASSED
    home = (folder / "home").read_text().strip()
    assert home != os.environ.get("HOME")
    assert not Path(home).exists()
    assert list((folder.parent / "it's scratch").iterdir()) == []


def test_python_leaves_no_byte_code_behind(folder: Path) -> None:
    (folder / "imported.py").write_text("x = 1\n")
    assert run(folder, "python3 -c 'import imported'").verdict is Verdict.PASSED
    assert [path.name for path in folder.iterdir()] == ["imported.py"]


def test_the_sha_is_filled_in(folder: Path) -> None:
    assert run(folder, "echo at {sha}").log_tail == f"at {SHA}\n"


def test_endless_output_is_cut_and_the_cut_is_said(folder: Path) -> None:
    result = run(folder, "head -c 20000000 /dev/zero | tr '\\0' x; echo END")
    assert len(result.log_tail) <= 20_000
    assert "the log was cut" in result.log_tail
    assert "END" in result.log_tail


def test_the_isolation_that_is_missing_is_named(tmp_path: Path) -> None:
    bare = LocalSuites(scratch=tmp_path, sandbox=Sandbox(wanted=Kind.NONE))
    assert "network isolation" in bare.not_enforced
    assert "network isolation (opened by name)" in LocalSuites(scratch=tmp_path).isolation(host_network=True).missing


def test_time_is_measured(folder: Path) -> None:
    began = time.monotonic()
    assert 0 < run(folder, "true").seconds <= time.monotonic() - began
