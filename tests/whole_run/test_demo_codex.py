"""`oneshot demo --agent codex` as a person runs it: the real Codex on the whole stack, and what is asked of the person first."""

import re
from collections.abc import Callable

import pytest
from stack_world import StackWorld

MakeWorld = Callable[..., StackWorld]


@pytest.mark.whole_run
def test_codex_mends_what_ci_found_and_leaves_nothing_running(make_world: MakeWorld) -> None:
    world = make_world()

    said = world.oneshot("demo", "--agent", "codex", "--scenario", "red-first")

    assert said.code == 0, said
    assert "by Codex with the scripted model" in said.out
    assert re.search(r"^patch .* codex \(gpt-5\.5\) finished", said.out, re.MULTILINE), said.out
    assert "attempt 2 begins" in said.out
    assert world.left_running() == []


def test_a_model_of_a_service_asks_for_its_key_before_anything_starts(make_world: MakeWorld) -> None:
    world = make_world()

    said = world.oneshot("demo", "--agent", "codex", "--model", "gpt-5.5")

    assert said.code != 0
    assert "no OPENAI_API_KEY" in said.err
    assert world.left_running() == []
