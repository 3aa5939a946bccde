"""What `codex exec --json` says, read as events of ours. Pure: its lines are untrusted, and what is unknown is passed over.
A command is told twice, when it starts and when it ends; other items when they end."""

from collections.abc import Mapping
from typing import cast

from oneshot_dagster.services.agent.protocol import AgentEvent
from oneshot_dagster.services.agent.transcript import LONGEST_TEXT, LONGEST_TOKEN

_OUTPUT = 16 * 1024  # of a command's output, kept with its event; all of it is in the log
Said = Mapping[str, object]


def read_event(said: Said) -> AgentEvent | None:
    """None where nobody needs to know of it."""
    kind = str(said.get("type", ""))
    if kind == "thread.started":
        return _event("session", str(said.get("thread_id", "")), {"id": said.get("thread_id")})
    if kind == "error":
        return _event("error", str(said.get("message", "")))
    if kind == "turn.failed":
        return _event("error", failure(said))
    if kind in {"item.started", "item.completed"}:
        return _item(item_of(said), begins=kind == "item.started")
    return None


def failure(said: Said) -> str:
    return str(_object(said.get("error")).get("message") or "it did not say why")


def item_of(said: Said) -> Said:
    return _object(said.get("item"))


def _item(item: Said, *, begins: bool) -> AgentEvent | None:
    kind = str(item.get("type", ""))
    if kind == "command_execution":
        return _command(item, begins=begins)
    if begins:
        return None
    match kind:
        case "agent_message":
            return _event("message", str(item.get("text", "")))
        case "reasoning":
            return _event("reasoning", str(item.get("text", "")))
        case "file_change":
            changes = [_object(change) for change in cast("list[object]", item.get("changes") or [])]
            paths = ", ".join(f"{change.get('kind')} {change.get('path')}" for change in changes)
            return _event("files", f"{item.get('status')}: {paths}", {"changes": changes[:100]})
        case "error":
            return _event("warning", str(item.get("message", "")))
        case _:
            return _event(kind[:LONGEST_TOKEN] or "item", "", {"status": item.get("status")})


def _command(item: Said, *, begins: bool) -> AgentEvent:
    command = str(item.get("command", ""))
    if begins:
        return _event("command_started", command)
    code, output = item.get("exit_code"), str(item.get("aggregated_output", ""))
    return _event("command", f"{command} → {code}", {"exit_code": code, "output": output[-_OUTPUT:]})


def _event(kind: str, text: str, raw: Said | None = None) -> AgentEvent:
    return AgentEvent(kind=kind, text=text[:LONGEST_TEXT], raw={} if raw is None else raw)


def _object(found: object) -> Said:
    return cast("Said", found) if isinstance(found, dict) else {}
