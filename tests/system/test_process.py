"""One command: what it gets, what it gives, and how it ends."""

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import Engine, eventually, living, sh, sleeper

from oneshot_dagster.system.process import Command, clean_environment, run, start


def test_a_command_gives_its_code_and_both_outputs():
    done = run(sh("echo out; echo err >&2; exit 3"))
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert not (done.timed_out or done.cancelled or done.truncated or done.stalled)


def test_the_environment_is_the_given_one_and_our_mark(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_TOKEN", "secret-of-ours")
    done = run(Command(argv=("env",), cwd=tmp_path, env=clean_environment(HOME="/nowhere", EXTRA="1")))
    names = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert names.pop("SUPERVISED_AS")
    assert names.pop("TZ", "") == os.environ.get("TZ", "")
    assert names == {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nowhere", "EXTRA": "1"}


def test_the_working_directory_is_the_given_one(tmp_path):
    assert run(Command(argv=("pwd",), cwd=tmp_path, env=clean_environment())).stdout.decode().strip() == str(tmp_path)


def test_large_input_and_output_flow_at_once():
    data = os.urandom(2**20) * 24
    done = run(Command(argv=("cat",), cwd=Path("/"), env=clean_environment(), stdin=data))
    assert done.stdout == data


def test_a_command_that_does_not_read_its_input_is_no_error():
    assert run(sh("exit 0", stdin=b"x" * 10**7)).returncode == 0


def test_without_input_stdin_is_at_its_end():
    assert run(Command(argv=("cat",), cwd=Path("/"), env=clean_environment())).stdout == b""


def test_output_over_the_limit_keeps_head_and_tail_and_is_flagged():
    done = run(sh("seq 1 1000000", output_limit=4000))
    assert done.truncated
    assert len(done.stdout) == 4000
    assert done.stdout.startswith(b"1\n2\n")
    assert done.stdout.endswith(b"999999\n1000000\n")


def test_output_of_exactly_the_limit_is_not_flagged():
    done = run(sh("printf 12345678", output_limit=8))
    assert (done.stdout, done.truncated) == (b"12345678", False)


def test_lines_arrive_while_the_command_runs(tmp_path):
    seen: list[bytes] = []

    def on_line(line: bytes) -> None:
        seen.append(line)
        (tmp_path / "go").touch()  # the command waits for it: it would time out if lines came only at the end

    done = run(
        sh(f"echo one; until test -e {tmp_path}/go; do sleep 0.01; done; printf 'two\\n\\nrest'"),
        on_line=on_line,
    )
    assert (seen, done.timed_out) == ([b"one", b"two", b"", b"rest"], False)


def test_output_arrives_in_pieces_while_the_command_runs_whatever_the_limit_keeps(tmp_path):
    seen: list[bytes] = []

    def on_output(piece: bytes) -> None:
        seen.append(piece)
        (tmp_path / "go").touch()

    wait = f"until test -e {tmp_path}/go; do sleep 0.01; done"
    done = run(sh(f"printf one; {wait}; head -c 3000000 /dev/zero; echo no >&2", output_limit=8), on_output=on_output)
    assert (seen[0], b"".join(seen), done.timed_out) == (b"one", b"one" + bytes(3_000_000), False)
    assert (done.truncated, done.stderr) == (True, b"no\n")


def test_a_failing_line_handler_ends_the_command_and_is_heard():
    asleep = sleeper()

    def on_line(line: bytes) -> None:
        raise LookupError(line)

    with pytest.raises(LookupError):
        run(sh(f"{asleep} & echo one; wait"), on_line=on_line)
    assert living(asleep) == []


@pytest.mark.parametrize("argv", [("no-such-program",), ("./no-such-program",), ("/no/such/program",)])
def test_a_missing_program_is_file_not_found(argv):
    with pytest.raises(FileNotFoundError) as raised:
        run(Command(argv=argv, cwd=Path("/"), env=clean_environment()))
    assert raised.value.filename == argv[0]


def test_a_missing_directory_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        run(Command(argv=("true",), cwd=tmp_path / "gone", env=clean_environment()))


def test_a_file_that_is_no_program_is_refused(tmp_path):
    (tmp_path / "plain").write_text("text")
    with pytest.raises(PermissionError):
        run(Command(argv=("./plain",), cwd=tmp_path, env=clean_environment()))


def test_too_long_an_argument_is_the_error_of_the_system():
    with pytest.raises(OSError) as raised:
        run(Command(argv=("true", "x" * 2**22), cwd=Path("/"), env=clean_environment()))
    assert raised.value.errno == errno.E2BIG


# How a command leaves its children: in its group, in sessions of their own, as daemons that nobody is parent of.
TREES = {
    "in the group": "{0} & {0} &",
    "own session": "setsid {0} &",
    "daemon": "(setsid sh -c '{0} & exit 0' &) ;",
    "own session without environment": "env -i setsid {0} &",
}


@pytest.mark.parametrize("tree", ["in the group", "own session", "daemon"])
def test_nothing_is_left_after_the_command_ended_by_itself(tree):
    asleep = sleeper()
    started = TREES[tree].format(asleep)
    done = run(sh(f"{started} until pgrep -xf '{asleep}'; do sleep 0.01; done; exit 4"))
    assert (done.returncode, living(asleep)) == (4, [])
    assert done.stdout  # they had started


@pytest.mark.parametrize("tree", TREES)
def test_nothing_is_left_after_a_timeout(tree):
    asleep = sleeper()
    done = run(sh(f"{TREES[tree].format(asleep)} sleep 60", timeout=0.5))
    assert (done.timed_out, done.returncode, living(asleep)) == (True, -9, [])


def test_output_before_a_timeout_is_kept():
    assert run(sh("echo early; sleep 60", timeout=1.5)).stdout == b"early\n"


def test_a_command_that_ignores_every_signal_is_ended():
    done = run(sh("trap '' TERM INT HUP; while :; do sleep 0.1; done", timeout=0.3))
    assert (done.timed_out, done.returncode) == (True, -9)


def test_silence_is_a_stall():
    done = run(sh("echo busy; sleep 60"), stall=1.5)
    assert (done.stalled, done.timed_out, done.stdout) == (True, False, b"busy\n")


def test_a_chatting_command_does_not_stall():
    done = run(sh("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i >&2; sleep 0.25; done"), stall=2.5)
    assert (done.stalled, done.returncode) == (False, 0)


def test_characters_without_a_line_end_are_a_stall():
    assert run(sh("while :; do printf .; sleep 0.05; done", timeout=30), stall=0.5).stalled


def test_a_cancelled_command_is_ended_with_its_tree():
    asleep = sleeper()
    done = run(sh(f"setsid {asleep} & sleep 60"), cancelled=lambda: bool(living(asleep)))
    assert (done.cancelled, done.timed_out, living(asleep)) == (True, False, [])


def test_kill_all_ends_every_command_of_its_process_and_of_no_other(tmp_path):
    asleep, other = [sleeper() for _ in range(3)], sleeper()
    ours = start(sh(f"exec {other}"), log=tmp_path / "log")
    commands = [f"{one} & {one}" for one in asleep]
    engine = Engine(
        f"""
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    running = [pool.submit(run, sh(one)) for one in {commands!r}]
    while not (here / "go").exists():
        time.sleep(0.01)
    kill_all()
    print(*(one.result().returncode for one in running))
""",
        tmp_path,
    )
    assert eventually(lambda: all(len(living(one)) == 2 for one in asleep))
    (tmp_path / "go").touch()
    assert engine.said() == "-9 -9 -9\n"
    assert [living(one) for one in asleep] == [[], [], []]
    assert ours.poll() is None
    ours.stop()


def test_many_at_once_neither_mix_nor_leak():
    run(sh("true"))
    before = {one.name for one in Path("/proc/self/fd").iterdir()}
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: run(sh(f"cat; echo {number}", stdin=b"in ")), range(64)))
    assert [one.stdout for one in done] == [f"in {number}\n".encode() for number in range(64)]
    assert {one.name for one in Path("/proc/self/fd").iterdir()} <= before


def test_descriptors_are_inherited_only_when_named():
    reading, writing = os.pipe()
    try:
        assert run(sh(f"echo through >/proc/self/fd/{writing}", pass_fds=(writing,))).returncode == 0
        assert os.read(reading, 100) == b"through\n"
        os.set_inheritable(writing, True)
        assert run(sh(f"echo through >/proc/self/fd/{writing}")).returncode != 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_command_outlives_the_thread_that_waits_elsewhere():
    result = []
    thread = threading.Thread(target=lambda: result.append(run(sh("sleep 0.3; echo whole"))))
    thread.start()
    short = threading.Thread(target=lambda: run(sh("true")))
    short.start()
    short.join()
    thread.join()
    assert result[0].stdout == b"whole\n"


def test_seconds_are_counted():
    begun = time.monotonic()
    done = run(sh("sleep 0.2"))
    assert 0.2 <= done.seconds <= time.monotonic() - begun
