"""One REST exchange against GitHub's OpenAPI description: the request as sent, the answer as given."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from contract.description import PREFIX, VERSION, Operation, Schema, description
from contract.exchanges import Exchange
from contract.problem import Problem
from contract.schemas import misfits

_REFUSED_AS_WRONG = {400, 422}
_BY_HAND = ("python-httpx", "by-hand")


def problems(exchange: Exchange) -> Iterator[Problem]:
    operation = description().operation(exchange.method, exchange.path.removeprefix(PREFIX))
    if operation is None:
        name = f"{exchange.method} {exchange.path.removeprefix(PREFIX)}"
        yield Problem(
            operation=name, what="operation", said=f"GitHub has no such operation; answered {exchange.status}"
        )
        return
    if exchange.status not in _REFUSED_AS_WRONG:  # a wrong request that is refused as such is as it should be
        yield from _asked(operation, exchange)
    if exchange.status is not None:
        yield from _answered(operation, exchange)


def _asked(operation: Operation, exchange: Exchange) -> Iterator[Problem]:
    version = exchange.headers.get("x-github-api-version")
    by_hand = exchange.headers.get("user-agent", "").startswith(_BY_HAND)  # a test's own call
    if version != VERSION and not by_hand:
        yield Problem(operation=operation.name, what="version", said=f"the request asks for API version {version}")
    yield from _places(operation)
    yield from _query(operation, exchange)
    if exchange.status not in range(400, 500):  # refused, for whatever reason, before it was looked at
        yield from _body(operation, exchange)


def _places(operation: Operation) -> Iterator[Problem]:
    for name, parameter in description().parameters(operation, "path").items():
        yield from _parameter(operation, f"path {name}", parameter, unquote(operation.values[name]))


def _query(operation: Operation, exchange: Exchange) -> Iterator[Problem]:
    known = description().parameters(operation, "query")
    for name, value in exchange.asked:
        if name in known:
            yield from _parameter(operation, f"query {name}", known[name], value)
        else:
            yield Problem(
                operation=operation.name, what=f"query {name}", said="is a parameter that GitHub does not know"
            )
    for name, parameter in known.items():
        if parameter.get("required") and name not in dict(exchange.asked):
            yield Problem(operation=operation.name, what=f"query {name}", said="is required and not there")


def _parameter(operation: Operation, what: str, parameter: Schema, text: str) -> Iterator[Problem]:
    schema = parameter["schema"]
    for wrong in misfits(schema, _typed(description().resolved(schema), text)):
        yield Problem(operation=operation.name, what=what, said=wrong.what)


def _typed(schema: Schema, text: str) -> object:
    """A parameter is text; read as its type where it can be read so."""
    if any(_typed(description().resolved(s), text) != text for s in schema.get("oneOf", ())):
        return next(v for s in schema["oneOf"] if (v := _typed(description().resolved(s), text)) != text)
    if schema.get("type") == "array":
        return [_typed(description().resolved(schema["items"]), part) for part in text.split(",")]
    if schema.get("type") in {"integer", "number"} and text.removeprefix("-").isdigit():
        return int(text)
    if schema.get("type") == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _body(operation: Operation, exchange: Exchange) -> Iterator[Problem]:
    wanted: Mapping[str, Any] = operation.body.get("requestBody", {})
    if not exchange.body:
        if wanted.get("required"):
            yield Problem(operation=operation.name, what="body", said="is required and not there")
        return
    kind = exchange.headers.get("content-type", "").partition(";")[0]
    content = wanted.get("content", {}).get(kind)
    if content is None:
        yield Problem(operation=operation.name, what="body", said=f"GitHub takes no body of type {kind!r} here")
        return
    for wrong in misfits(content["schema"], exchange.sent):
        yield Problem(operation=operation.name, what=f"body {wrong.at}".rstrip(), said=wrong.what)


def _answered(operation: Operation, exchange: Exchange) -> Iterator[Problem]:
    documented = operation.body["responses"].get(str(exchange.status))
    if documented is None:
        said = f"GitHub documents {', '.join(operation.body['responses'])}; answer: {exchange.answer[:120]}"
        yield Problem(operation=operation.name, what=f"status {exchange.status}", said=said, body=exchange.answer)
        return
    content = description().resolved(documented).get("content", {})
    where = f"answer {exchange.status}"
    if not content:
        yield from _unspoken(operation, where, exchange)
        return
    kind = exchange.answer_headers.get("content-type", "").partition(";")[0]
    if kind not in content:
        yield Problem(operation=operation.name, what=where, said=f"is of type {kind!r}, not {', '.join(content)}")
        return
    if "schema" not in content[kind]:
        return
    for wrong in misfits(content[kind]["schema"], exchange.said):
        yield Problem(operation=operation.name, what=f"{where} {wrong.at}".rstrip(), said=wrong.what)


def _unspoken(operation: Operation, where: str, exchange: Exchange) -> Iterator[Problem]:
    """No content is described: none may come, but for the error object that every refusal has."""
    if exchange.answer and (exchange.status or 0) < 400:
        yield Problem(
            operation=operation.name, what=where, said=f"has a body, GitHub's has none: {exchange.answer[:80]}"
        )
    if exchange.answer and (exchange.status or 0) >= 400:
        yield from error_problems(operation.name, where, exchange.answer)


def error_problems(operation: str, where: str, answer: str) -> Iterator[Problem]:
    try:
        body = json.loads(answer)
    except ValueError:
        yield Problem(operation=operation, what=where, said=f"is no JSON: {answer[:80]}")
        return
    for wrong in misfits(_ERROR, body):
        yield Problem(operation=operation, what=f"{where} {wrong.at}".rstrip(), said=wrong.what)


_ERROR: Schema = {"$ref": "#/components/schemas/basic-error"}
