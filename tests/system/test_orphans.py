"""A process of ours that is killed leaves nothing behind; long-lived children stop in order."""

import os
import signal
import threading

import pytest
from processes import Engine, eventually, living, sh, sleeper

from oneshot_dagster.system.process import kill_group, start, start_time


@pytest.mark.parametrize(
    "tree",
    ["exec {0}", "{0}; true", "{0} & wait", "setsid {0} & sleep 60", "(setsid sh -c '{0} & exit 0' &) ; sleep 60"],
    ids=["the command", "its child", "in the background", "own session", "daemon"],
)
def test_a_killed_engine_leaves_no_orphan(tree, tmp_path):
    asleep = sleeper()
    engine = Engine(f"run(sh({tree.format(asleep)!r}, timeout=600))", tmp_path)
    assert eventually(lambda: living(asleep))
    engine.kill()
    assert eventually(lambda: not living(asleep))


def test_a_command_dies_with_its_engine_even_without_the_guardian(tmp_path):
    asleep = sleeper()
    engine = Engine(f"run(sh('exec {asleep}', timeout=600))", tmp_path)
    assert eventually(lambda: living(asleep))
    (guardian,) = engine.guardian()
    os.kill(guardian, signal.SIGKILL)
    engine.kill()
    assert eventually(lambda: not living(asleep))


def test_the_guardian_goes_when_its_engine_ends(tmp_path):
    engine = Engine("run(sh('true')); (here / 'ready').touch(); time.sleep(60)", tmp_path)
    assert eventually((tmp_path / "ready").exists)
    (guardian,) = engine.guardian()
    engine.kill()
    assert eventually(lambda: start_time(guardian) is None)


def test_the_guardian_spares_the_commands_of_others(tmp_path):
    asleep = sleeper()
    other = start(sh(f"exec {asleep}"), log=tmp_path / "log")
    engine = Engine("run(sh('true')); (here / 'ready').touch(); time.sleep(60)", tmp_path)
    assert eventually((tmp_path / "ready").exists)
    (guardian,) = engine.guardian()
    engine.kill()
    assert eventually(lambda: start_time(guardian) is None)
    assert other.poll() is None
    other.stop()


def test_a_long_lived_child_stops_in_order_when_its_engine_is_killed(tmp_path):
    script = "trap 'touch stopped; exit 0' TERM; touch ready; while :; do sleep 0.05; done"
    engine = Engine(f"start(sh({script!r}), log=here / 'log'); time.sleep(60)", tmp_path)
    assert eventually((tmp_path / "ready").exists)
    engine.kill()
    assert eventually((tmp_path / "stopped").exists)


def test_a_long_lived_child_that_will_not_stop_is_killed_after_its_engine(tmp_path):
    asleep = sleeper()
    engine = Engine(
        f"start(sh({f'trap : TERM; while :; do {asleep}; done'!r}), log=here / 'log'); time.sleep(60)", tmp_path
    )
    assert eventually(lambda: living(asleep))
    engine.kill()
    assert eventually(lambda: not living(asleep), within=40)


def test_a_child_outlives_the_thread_that_started_it(tmp_path):
    children = []
    thread = threading.Thread(target=lambda: children.append(start(sh("sleep 60"), log=tmp_path / "log")))
    thread.start()
    thread.join()
    assert children[0].wait(0.5) is None
    assert children[0].stop() == -signal.SIGTERM


def test_a_child_appends_to_its_log(tmp_path):
    log = tmp_path / "logs" / "child.log"
    for word in ("one", "two"):
        assert start(sh(f"echo {word}; echo {word} >&2"), log=log).wait(20) == 0
    assert log.read_text() == "one\none\ntwo\ntwo\n"


def test_stop_asks_first_and_kills_after_the_grace(tmp_path):
    asleep = sleeper()
    child = start(sh(f"trap '' TERM; {asleep} & while :; do sleep 0.05; done"), log=tmp_path / "log")
    assert eventually(lambda: living(asleep))
    assert child.stop(grace=0.3) == -signal.SIGKILL
    assert living(asleep) == []


def test_what_a_child_started_goes_with_it(tmp_path):
    asleep = sleeper()
    child = start(sh(f"setsid {asleep} & exit 5"), log=tmp_path / "log")
    assert child.wait(20) == 5
    assert living(asleep) == []


def test_the_signal_to_stop_can_be_chosen(tmp_path):
    child = start(sh("exec sleep 60"), log=tmp_path / "log", stopping=signal.SIGINT)
    assert child.stop() == -signal.SIGINT


def test_a_child_hears_sigint_though_its_engine_ignores_it(tmp_path):
    script = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = start(sh("touch ready; exec sleep 60"), log=here / "log", stopping=signal.SIGINT)
while not (here / "ready").exists(): time.sleep(0.01)
print(child.stop(grace=20), end="")
"""
    assert Engine(script, tmp_path).said() == str(-signal.SIGINT)


def test_a_forked_process_starts_children_of_its_own(tmp_path):
    script = """
run(sh("true"))
if os.fork() == 0:
    print(run(sh("echo forked")).stdout.decode(), end="", flush=True)
    os._exit(0)
os.wait()
"""
    assert Engine(script, tmp_path).said() == "forked\n"


def test_a_recorded_group_is_killed_only_while_it_is_the_same(tmp_path):
    asleep = sleeper()
    child = start(sh(f"{asleep} & wait"), log=tmp_path / "log")
    assert eventually(lambda: living(asleep))
    started = start_time(child.pid)
    assert started is not None
    assert not kill_group(child.pid, started + 1)
    assert living(asleep)
    assert kill_group(child.pid, started)
    assert living(asleep) == []
    assert child.wait(20) == -signal.SIGKILL
    assert not kill_group(child.pid, started)


def test_killing_a_part_of_a_tree_spares_the_rest(tmp_path):
    part, rest = sleeper(), sleeper()
    child = start(sh(f"setsid sh -c '{part}; true' & {rest} & wait; wait"), log=tmp_path / "log")
    assert eventually(lambda: living(part) and living(rest))
    (leader,) = living(f"sh -c {part}; true")
    assert kill_group(leader, start_time(leader))
    assert living(part) == []
    assert living(rest)
    child.stop()
    assert living(rest) == []
