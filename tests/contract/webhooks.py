"""One webhook's payload against GitHub's OpenAPI description. The name of the event is what stands in `X-GitHub-Event`."""

from typing import Any

from contract.description import description
from contract.problem import Problem
from contract.schemas import misfits


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
