"""Who holds a lock in a file, and when it is free again."""

import os
import signal
import subprocess
import threading

import pytest
from processes import Engine, eventually, living, sh, sleeper

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.system.lock import FileLock
from oneshot_dagster.system.process import run, start, start_time

HOLD = """
from oneshot_dagster.system.lock import FileLock
with FileLock(here / "lock").held() as descriptor:
    {}
"""


def free(lock: FileLock) -> bool:
    with lock.try_hold() as descriptor:
        return descriptor is not None


def test_a_held_lock_is_refused_with_the_holders_pid(tmp_path):
    engine = Engine(HOLD.format("time.sleep(60)"), tmp_path)
    lock = FileLock(tmp_path / "lock")
    assert eventually(lambda: lock.holder() is not None)
    with pytest.raises(TryAgain, match=rf"held by pid {engine.pid}$"), lock.held(timeout=0.1):
        pass
    engine.kill()


def test_a_killed_holder_frees_the_lock(tmp_path):
    engine = Engine(HOLD.format("time.sleep(60)"), tmp_path)
    lock = FileLock(tmp_path / "lock")
    assert eventually(lambda: lock.holder() is not None)
    assert not free(lock)
    engine.kill()
    with lock.held(timeout=20):
        assert lock.holder().pid == os.getpid()


def test_threads_of_one_process_exclude_each_other(tmp_path):
    inside, most = [], []

    def work() -> None:
        for _ in range(20):
            with FileLock(tmp_path / "lock").held():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) == 80


def test_a_child_with_the_descriptor_keeps_the_lock(tmp_path):
    lock = FileLock(tmp_path / "lock")
    with lock.held() as descriptor:
        inheriting = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    assert not free(lock)
    inheriting.kill()
    inheriting.wait()
    assert free(lock)


def test_a_child_without_the_descriptor_does_not_keep_the_lock(tmp_path):
    lock = FileLock(tmp_path / "lock")
    with lock.held():
        child = start(sh("exec sleep 60"), log=tmp_path / "log")
    assert free(lock)
    child.stop()


def test_the_lock_of_a_killed_engine_is_free_only_when_its_commands_are_gone(tmp_path):
    asleep = sleeper()
    engine = Engine(HOLD.format(f"run(sh('setsid {asleep} & sleep 60', pass_fds=(descriptor,)))"), tmp_path)
    assert eventually(lambda: living(asleep))
    engine.kill()
    with FileLock(tmp_path / "lock").held(timeout=20):
        assert living(asleep) == []


def test_evict_kills_who_has_the_lock_and_nobody_who_waits(tmp_path):
    lock = FileLock(tmp_path / "lock")
    asleep = sleeper()
    with lock.held() as descriptor:
        inheriting = subprocess.Popen(["sh", "-c", f"{asleep}; true"], pass_fds=[descriptor], start_new_session=True)
    assert eventually(lambda: living(asleep))
    waiting = Engine(HOLD.format("(here / 'got').touch()"), tmp_path)
    assert eventually(lambda: waiting.popen.poll() is None and open_in(waiting.pid, lock))
    assert inheriting.pid in lock.evict()
    assert living(asleep) == []
    assert inheriting.wait() == -signal.SIGKILL
    assert waiting.said() == ""
    assert (tmp_path / "got").exists()


def open_in(pid: int, lock: FileLock) -> bool:
    found = run(sh(f"ls -l /proc/{pid}/fd")).stdout.decode()
    return str(lock.path) in found


def test_the_file_says_pid_and_start_time(tmp_path):
    lock = FileLock(tmp_path / "deep" / "lock")
    assert lock.holder() is None
    with lock.held():
        holder = lock.holder()
        assert (holder.pid, holder.start) == (os.getpid(), start_time(os.getpid()))
    assert (lock.path.stat().st_mode & 0o777) == 0o600
