"""One GraphQL exchange against GitHub's schema: the query is valid in it, and the answer is what it promises for that query."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import graphql
from contract.exchanges import Exchange
from contract.packages import GRAPHQL, load
from contract.problem import Problem

PATH = "/api/graphql"
_NAME = "POST /graphql"
_SCALARS = {
    "DateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "GitObjectID": re.compile(r"[0-9a-f]{40}"),
    "URI": re.compile(r"https?://\S+"),
}
_ERROR_FIELDS = {"message", "type", "path", "locations", "extensions"}


@cache
def schema() -> graphql.GraphQLSchema:
    introspected: Any = load(GRAPHQL, GRAPHQL.files[0])
    made = graphql.build_client_schema(introspected.get("data", introspected), assume_valid=True)
    for name, pattern in _SCALARS.items():
        scalar = made.type_map[name]
        assert isinstance(scalar, graphql.GraphQLScalarType)
        scalar.serialize = _fitting(name, pattern)
    return made


def problems(exchange: Exchange) -> Iterator[Problem]:
    if exchange.status != 200:
        if exchange.status is not None:
            yield _problem(f"status {exchange.status}", exchange.answer[:120], body=exchange.answer)
        return
    answer = exchange.said
    wrong = list(_asked(exchange.sent))
    if wrong and not (answer.get("errors") and not answer.get("data")):  # refused as wrong, as GitHub would
        yield from wrong
    yield from _errors(answer.get("errors") or [])
    if not wrong and answer.get("data"):
        yield from _answered(exchange.sent, answer)


def _problem(what: str, said: str, body: str | None = None) -> Problem:
    return Problem(operation=_NAME, what=what, said=said, body=body)


def _asked(sent: Any) -> Iterator[Problem]:
    try:
        document = graphql.parse(sent["query"])
    except graphql.GraphQLError as e:
        yield _problem("query", str(e.message))
        return
    for error in graphql.validate(schema(), document):
        yield _problem("query", error.message)
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            values = graphql.execution.values.get_variable_values(
                schema(), definition.variable_definitions or (), sent.get("variables") or {}
            )
            for error in values if isinstance(values, list) else ():
                yield _problem("variables", error.message)


def _errors(errors: Any) -> Iterator[Problem]:
    for error in errors:
        if not isinstance(error.get("message"), str) or set(error) - _ERROR_FIELDS:
            yield _problem("errors", f"an error as GitHub has none: {json.dumps(error)[:120]}")


def _answered(sent: Any, answer: Any) -> Iterator[Problem]:
    """The query is run over the answer itself: what comes back is the same, where the answer fits."""
    data, failed = answer["data"], {tuple(e.get("path") or ()) for e in answer.get("errors") or []}
    done = graphql.graphql_sync(
        schema(),
        sent["query"],
        root_value=data,
        variable_values=sent.get("variables"),
        field_resolver=_field,
        type_resolver=_type,
    )
    for error in done.errors or []:
        if tuple(error.path or ()) not in failed:
            yield _problem(f"answer {_at(error.path or [])}", error.message)
    if not done.errors and done.data != data:
        yield _problem("answer", f"has more than the query asks for: {json.dumps(data)[:160]}")


def _at(path: list[str | int]) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path)


def _field(source: Any, info: graphql.GraphQLResolveInfo, **_: object) -> Any:
    if info.path.key not in source:
        raise graphql.GraphQLError("is not there")
    return source[info.path.key]


def _type(value: Any, info: graphql.GraphQLResolveInfo, abstract: graphql.GraphQLAbstractType) -> str:
    """What the answer says of itself; else what the query narrows it to, a person, or the first type that it may be."""
    possible = [t.name for t in info.schema.get_possible_types(abstract)]
    narrowed = [name for name, fields in _narrowed(info) if name in possible and fields <= set(value)]
    return value.get("__typename") or next(iter(narrowed), "User" if "User" in possible else possible[0])


def _narrowed(info: graphql.GraphQLResolveInfo) -> Iterator[tuple[str, set[str]]]:
    """Each `... on Type` of the selection, with the names that it brings into the answer."""
    for selection in (s for node in info.field_nodes if node.selection_set for s in node.selection_set.selections):
        part = info.fragments[selection.name.value] if isinstance(selection, graphql.FragmentSpreadNode) else selection
        if not isinstance(part, graphql.FieldNode) and part.type_condition:
            fields = [f for f in part.selection_set.selections if isinstance(f, graphql.FieldNode)]
            yield part.type_condition.name.value, {(f.alias or f.name).value for f in fields}


def _fitting(name: str, pattern: re.Pattern[str]) -> Any:
    def serialize(value: object) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise graphql.GraphQLError(f"{value!r} is no {name}")
        return value

    return serialize
