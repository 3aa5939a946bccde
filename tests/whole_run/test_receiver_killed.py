"""The receiver is killed in the middle of a stream of deliveries: what it said yes to is kept, and projected by the next one."""

import json
import time

import psycopg
import pytest

from benchmarks.events import Receiver, receiving, start

pytestmark = pytest.mark.whole_run
ENOUGH = 300  # deliveries that are kept before it is killed, of many more that are sent
PATIENCE = 60.0


def test_every_delivery_that_was_answered_is_in_the_table_after_a_kill(tmp_path) -> None:
    with receiving(tmp_path / "home") as receiver:
        sender = receiver.send(20_000)
        wait_until(lambda: receiver.standing()[0] >= ENOUGH)
        receiver.process.kill()
        receiver.process.wait()
        said = json.loads(sender.communicate(timeout=PATIENCE)[0])

        assert set(said["answers"]) == {"202", "none"}  # it died while it was asked, and refused nothing before
        assert len(said["kept"]) >= ENOUGH // 2
        assert set(said["kept"]) <= ids(receiver)

        kept = receiver.standing()[0]
        second = start(receiver.environment, tmp_path / "second.log")
        try:
            wait_until(lambda: receiver.standing() == (kept, kept, 0))
        finally:
            second.terminate()
            second.wait(20)


def ids(receiver: Receiver) -> set[str]:
    with psycopg.connect(receiver.database) as connection:
        return {name for (name,) in connection.execute("select delivery_id from jangar_github.events")}


def wait_until(holds) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s"
        time.sleep(0.01)
