"""A scripted judging model for the tests of the steps: what it is asked is looked into, what it answers is made up here."""

import re
from collections.abc import Callable

from oneshot_dagster.local.model.items import structured
from oneshot_dagster.local.model.script import Asked, Reply, Turn

Opine = Callable[[Asked], Turn]


def opinion(decision: str = "pass", *, where: str = "", **over: object) -> dict[str, object]:
    entry = {"requirement": "the discount of the issue", "covered": decision == "pass", "where": where}
    return {
        "decision": decision,
        "requirement_coverage": [entry],
        "missing_items": [] if decision == "pass" else ["a test of the boundary"],
        "suggested_fixes": [],
        "next_prompt": None if decision == "pass" else "Test the boundary as well.",
        "memory_notes": ["discounts are one file each"],
        **over,
    }


def changed_file(asked: Asked) -> str:
    """The first file that the prompt lists as changed outside of tests."""
    return re.findall(r"^(?:added|modified) (shop/\S+)", asked.prompt, re.MULTILINE)[0]


def passes(asked: Asked) -> Turn:
    return Reply(structured(opinion(where=f"{changed_file(asked)}:1")))


def says(decision: str, **over: object) -> Opine:
    def answer(asked: Asked) -> Turn:
        return Reply(structured(opinion(decision, where=f"{changed_file(asked)}:1", **over)))

    return answer
