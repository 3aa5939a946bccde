"""`oneshot demo` as a newcomer runs it, with its own Postgres, and what is left when it ends in whatever way."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from stack_world import StackWorld

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.evidence import verify
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.services.store.address import libpq_url

pytestmark = pytest.mark.whole_run
MakeWorld = Callable[..., StackWorld]


def test_demo_and_run_bring_up_what_they_need_each_time_and_leave_nothing_running(make_world: MakeWorld) -> None:
    world = make_world(embedded=True)

    first, second = world.oneshot("demo"), world.oneshot("demo")

    for said in (first, second):
        assert said.code == 0, said
        for artifact in Artifact:
            assert re.search(rf"^{artifact} +[0-9a-f]{{7}} +\d+\.\d\d s ", said.out, re.MULTILINE), said.out
        assert "over HTTP  ok" in said.out
        assert "in git     ok" in said.out
        file = re.search(r"^evidence +(\S+\.jsonl) ", said.out, re.MULTILINE)
        assert file is not None
        assert verify(Path(file[1]).read_bytes()).ok
    assert _key(first.out) != _key(second.out)
    assert world.left_running() == []
    again = world.oneshot("run", "acme/shop#1")
    assert (again.code, "daemon is up" in again.err) == (0, True), again
    assert world.left_running() == []


def test_the_demo_only_labels_and_the_change_is_started_by_who_hears_of_it(make_world: MakeWorld) -> None:
    world = make_world()

    said = world.oneshot("demo")

    assert said.code == 0, said
    assert "a webhook told of it" in said.out
    key = ChangeKey.parse(f"acme/shop#{_key(said.out)}")
    (attempt,) = world.attempts(key)
    assert len(world.store.launches.of(attempt.id)) == 1
    with psycopg.connect(libpq_url(world.database("oneshot"))) as database:
        decided = database.execute(
            "select actor, said from jangar_github.triggers where name like 'label %'"
        ).fetchall()
        told = database.execute("select state from jangar_github.events where event_type = 'issues'").fetchall()
    assert decided == [("ada", f"{key} was taken in as attempt 1")]
    assert set(told) == {("processed",)}


def test_red_first_shows_the_failed_check_with_its_log_and_then_the_second_attempt(world: StackWorld) -> None:
    said = world.oneshot("demo", "--scenario", "red-first")

    assert said.code == 0, said
    assert re.search(r"attempt 1: .*ci failed", said.out), said.out
    assert re.search(r"broken promise: \d+ of \w+ should get \d+ % off", said.out)
    assert "attempt 2 begins" in said.out


def test_needs_human_ends_well_with_the_brief_and_no_merge(world: StackWorld) -> None:
    said = world.oneshot("demo", "--scenario", "needs-human")

    assert said.code == 0, said
    assert "needs a person" in said.out
    assert re.search(r"^merge +did not run", said.out, re.MULTILINE), said.out


def test_the_scenario_propose_has_a_person_merge(make_world: MakeWorld) -> None:
    world = make_world()

    said = world.oneshot("demo", "--scenario", "propose")

    assert said.code == 0, said
    assert "merged by ada" in said.out


@pytest.mark.parametrize("moment", ["Postgres", "patch"])
def test_ctrl_c_at_any_moment_leaves_nothing_and_the_next_start_goes_on(make_world: MakeWorld, moment: str) -> None:
    world = make_world(embedded=True)
    demo = world.popen("demo", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PYTHONUNBUFFERED": "1"})
    assert demo.stdout is not None
    seen = b""
    while moment.encode() not in seen:
        line = demo.stdout.readline()
        assert line, seen
        seen += line

    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=30)[0]

    assert demo.returncode == 130, seen + rest
    assert b"Traceback" not in rest
    assert world.left_running() == []
    assert world.oneshot("demo").code == 0


def test_a_stack_whose_owner_was_killed_leaves_nothing_and_starts_again(make_world: MakeWorld) -> None:
    world = make_world(embedded=True)
    world.start()
    assert len(world.left_running()) > 5

    world.kill()

    world.wait_until(lambda: world.left_running() == [], "every part is gone", timeout=20)
    world.start()
    world.kill()
    world.start()  # at once, while the parts of the killed one still end
    assert world.stop() == 130
    assert world.left_running() == []


def test_a_part_that_ends_by_itself_is_started_again(make_world: MakeWorld) -> None:
    world = make_world()
    world.start()
    before = world.part("code server")

    world.kill_part("code server")

    world.wait_mended("code server", before)
    key, _ = world.issue(Kind.HAPPY)
    assert world.oneshot("run", str(key)).code == 0


def test_a_second_stack_in_the_same_home_is_refused_with_its_addresses(world: StackWorld) -> None:
    said = world.oneshot("dev", "--no-web")

    assert said.code == 2
    assert world.forge_url in said.err
    assert len(said.err.strip().splitlines()) == 1


def _key(out: str) -> str:
    found = re.search(r"issues/(\d+)", out)
    assert found is not None, out
    return found[1]


def test_the_scenario_bad_deploy_restores_reverts_and_the_second_attempt_completes(world: StackWorld) -> None:
    said = world.oneshot("demo", "--scenario", "bad-deploy")

    assert said.code == 0, said
    for proof in ("restored", "reverted", "completed", "over HTTP", "in git"):
        assert re.search(rf"^{proof} +ok ", said.out, re.MULTILINE), said.out
    assert re.search(r"^reverted .* held what it had held at .*, by pull request #\d+", said.out, re.MULTILINE), (
        said.out
    )
