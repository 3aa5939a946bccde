"""One webhook's payload against GitHub's OpenAPI description. The name of the event is what stands in `X-GitHub-Event`."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from contract.description import description
from contract.problem import Problem
from contract.schemas import misfits


def made_in(home: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Event and payload of each webhook that the forge of this home has made, sent or not."""
    if not (home / "world.sqlite").exists():  # it never started
        return
    with closing(sqlite3.connect(home / "world.sqlite")) as world:
        rows = world.execute("select body from records where kind = 'Delivery'").fetchall()
    for (body,) in rows:
        delivery = json.loads(body)
        yield delivery["event"], json.loads(delivery["payload"])


def check_webhook(event: str, payload: dict[str, Any]) -> None:
    """AssertionError with each way in which it is not as GitHub describes it."""
    assert [str(problem) for problem in problems(event, payload)] == []


def problems(event: str, payload: dict[str, Any], *, strict: bool = True) -> list[Problem]:
    """`strict` also names the fields that GitHub's payload has not."""
    action = payload.get("action")
    name = "-".join(part.replace("_", "-") for part in (event, action) if part)
    described: dict[str, Any] = description().document["x-webhooks"]
    shown = f"webhook {event}" + (f" {action}" if action else "")
    if name not in described:
        return [Problem(operation=shown, what="event", said="GitHub sends no such event")]
    schema = described[name]["post"]["requestBody"]["content"]["application/json"]["schema"]
    wrong = misfits(schema, payload, strict=strict)
    return [Problem(operation=shown, what=f"payload {m.at}".rstrip(), said=m.what) for m in wrong]
