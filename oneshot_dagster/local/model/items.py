"""What a scripted model may say: output items of the Responses API. Their ids are given when they are served."""

import json
from typing import Any

Json = dict[str, Any]  # of an HTTP API: any JSON


def message(text: str, *, final: bool = True) -> Json:
    """A response of messages alone ends an agent's turn."""
    content: Json = {"type": "output_text", "text": text, "annotations": []}
    phase = "final_answer" if final else "commentary"
    return {"type": "message", "role": "assistant", "status": "completed", "phase": phase, "content": [content]}


def structured(value: object) -> Json:
    """The answer to a request with a JSON schema."""
    return message(json.dumps(value))


def refusal(text: str) -> Json:
    content = {"type": "refusal", "refusal": text}
    return {"type": "message", "role": "assistant", "status": "completed", "content": [content]}


def reasoning(text: str) -> Json:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "summary": summary, "content": None, "encrypted_content": "x"}


def shell(command: str, **arguments: object) -> Json:
    return call("exec_command", cmd=command, **arguments)


def call(name: str, **arguments: object) -> Json:
    """Of a function tool; to call one that does not exist is a thing that models do too."""
    return {"type": "function_call", "name": name, "arguments": json.dumps(arguments), "status": "completed"}


def apply_patch(patch: str) -> Json:
    """`*** Begin Patch` … `*** End Patch`."""
    return {"type": "custom_tool_call", "name": "apply_patch", "input": patch, "status": "completed"}


def added(files: dict[str, str]) -> Json:
    """A patch that writes whole new files."""
    lines = ["*** Begin Patch"]
    for path, content in files.items():
        lines += [f"*** Add File: {path}", *(f"+{line}" for line in content.splitlines())]
    return apply_patch("\n".join([*lines, "*** End Patch", ""]))
