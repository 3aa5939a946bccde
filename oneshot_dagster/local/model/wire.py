"""A scripted reply as the Responses API says it: one JSON object, or a stream of server-sent events."""

import json
import time
from collections.abc import Iterator

from oneshot_dagster.local.model.items import Json
from oneshot_dagster.local.model.script import Fault, Reply, Tokens

_CALLS = {"function_call": "fc", "custom_tool_call": "ctc"}
_PREFIXES = {"message": "msg", "reasoning": "rs", **_CALLS}


def response(reply: Reply, asked: Json, number: int) -> Json:
    """Complete; `number` makes its ids unique."""
    output = [_with_ids(item, f"{number}_{place}") for place, item in enumerate(reply.items)]
    return _frame(asked, number) | {"status": "completed", "output": output, "usage": _usage(reply.tokens)}


def stream(complete: Json) -> Iterator[bytes]:
    """The events of a complete response, in order."""
    output: list[Json] = complete["output"]
    opening: Json = {"status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=complete | opening)
    for index, item in enumerate(output):
        yield from _item(index, item)
    yield event("response.completed", response=complete)


def ended(fault: Fault, asked: Json, number: int) -> bytes:
    """The last event of a response that failed or was cut off."""
    frame = _frame(asked, number)
    if fault.kind == "failed":
        error = {"code": fault.code, "message": fault.text}
        return event("response.failed", response=frame | {"status": "failed", "error": error})
    details = {"reason": "max_output_tokens"}
    return event("response.incomplete", response=frame | {"status": "incomplete", "incomplete_details": details})


def begun(asked: Json, number: int) -> Iterator[bytes]:
    """A message that is never finished."""
    yield event("response.created", response=_frame(asked, number))
    item: Json = {
        "type": "message",
        "id": f"msg_{number}_0",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    yield event("response.output_item.added", output_index=0, item=item)
    yield event("response.output_text.delta", output_index=0, content_index=0, item_id=item["id"], delta="I was ab")


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **fields})}\n\n".encode()


def error(fault: Fault) -> Json:
    return {"error": {"message": fault.text, "type": fault.code, "code": fault.code, "param": None}}


def _item(index: int, item: Json) -> Iterator[bytes]:
    """With the parts of its text in between: the openai SDK's stream reader needs them, Codex shows progress by them."""
    place: Json = {"output_index": index}
    empty: Json = {"content": []} if "content" in item else {}
    yield event("response.output_item.added", **place, item=item | empty)
    for number, part in enumerate(item.get("content") or ()):
        inner = {**place, "content_index": number, "item_id": item["id"]}
        kind, text = ("refusal", part["refusal"]) if part["type"] == "refusal" else ("output_text", part["text"])
        field = "refusal" if kind == "refusal" else "text"
        yield event("response.content_part.added", **inner, part=part | {field: ""})
        yield event(f"response.{kind}.delta", **inner, delta=text)
        yield event(f"response.{kind}.done", **inner, **{field: text})
        yield event("response.content_part.done", **inner, part=part)
    yield event("response.output_item.done", **place, item=item)


def _with_ids(item: Json, number: str) -> Json:
    kind = str(item["type"])
    given = {"id": f"{_PREFIXES.get(kind, 'item')}_{number}"}
    return given | ({"call_id": f"call_{number}"} if kind in _CALLS else {}) | item


def _frame(asked: Json, number: int) -> Json:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "model": asked.get("model", "scripted"),
        "output": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "text": asked.get("text") or {"format": {"type": "text"}},
        "usage": None,
    }


def _usage(tokens: Tokens) -> Json:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }
