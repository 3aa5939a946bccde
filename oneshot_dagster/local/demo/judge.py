"""What the scripted model says in the demo when it is asked to judge: it passes what changes the shop where it knows the ask.
It reads no code: who judges the demo for real are the rules, its CI and its suites."""

import re

from oneshot_dagster.local.demo.agent import FROM_ON, OR_MORE, TAX
from oneshot_dagster.local.model.items import Json, structured
from oneshot_dagster.local.model.script import Asked, Reply

_ISSUE = re.compile(r"^(`{3,})issue\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)
_CHANGED = re.compile(r"^(?:added|modified) (shop/\S+\.py) ", re.MULTILINE)


def judge(asked: Asked) -> Reply:
    issue = _ISSUE.search(asked.prompt)
    text = issue[2] if issue else ""
    asks = [" ".join(found[0].split()) for pattern in (OR_MORE, FROM_ON, TAX) for found in pattern.finditer(text)]
    changed = _CHANGED.findall(asked.prompt)
    if not asks or not changed:
        return Reply(
            structured(
                _opinion("needs_human", asks or ["what the issue asks for"], "", "I do not find it in the patches.")
            )
        )
    return Reply(structured(_opinion("pass", asks, f"{changed[0]}:1", "")))


def _opinion(decision: str, asks: list[str], where: str, missing: str) -> Json:
    return {
        "decision": decision,
        "requirement_coverage": [{"requirement": ask, "covered": bool(where), "where": where} for ask in asks],
        "missing_items": [missing] if missing else [],
        "suggested_fixes": [],
        "next_prompt": None,
        "memory_notes": [],
    }
