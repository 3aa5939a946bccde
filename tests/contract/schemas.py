"""Values against schemas of OpenAPI 3.0: what does not fit, and fields that a schema does not know."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
from contract.description import Description, Schema, description

_BRANCHES = ("allOf", "anyOf", "oneOf")
_SAID = 160
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]*")
_FORMATS = {
    "uri": lambda text: not text or _URI.fullmatch(text) is not None,  # GitHub sends "" for none
    "email": lambda _: True,  # GitHub's own bots have addresses that are none: 1+x[bot]@…
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """`at` is a path in the value: `.user.login`, `[].id`; the number in a list says nothing about its shape."""

    at: str
    what: str


def misfits(schema: Schema, value: object, *, strict: bool = True) -> list[Misfit]:
    """`strict` also names the fields that the schema does not know, where it names any."""
    errors = _validator(_Same(schema)).iter_errors(value)
    found = [Misfit(at=_at(e.instance_path), what=e.message[:_SAID]) for error in errors for e in _causes(error)]
    unknown = _unknown([schema], value, "") if strict else ()
    return list(dict.fromkeys([*found, *unknown]))


def _causes(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """Where no alternative fits: what is wrong with the one that was meant, which at least is of the right type."""
    branches = getattr(error.kind, "context", None)
    if not branches:
        yield error
        return
    for cause in min(branches, key=lambda causes: (sum(map(_is_other, causes)), len(causes))):
        yield from _causes(cause)


def _is_other(error: jsonschema_rs.ValidationError) -> bool:
    kinds = jsonschema_rs.ValidationErrorKind
    return isinstance(error.kind, (kinds.Type, kinds.Enum, kinds.Constant))


def _at(path: Sequence[str | int]) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path)


class _Same:
    """A schema as a key: it is itself for as long as the description lives."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema


@cache
def _validator(key: _Same) -> jsonschema_rs.Draft202012Validator:
    definitions: dict[str, Any] = {}
    root = _translated(description(), key.schema, definitions)
    return jsonschema_rs.Draft202012Validator({**root, "$defs": definitions}, validate_formats=True, formats=_FORMATS)


def _translated(known: Description, schema: Schema, definitions: dict[str, Any]) -> dict[str, Any]:
    """As JSON Schema, in which null is a type and every component is one of `$defs`.

    One of several shapes becomes any of them: GitHub's are drawn so loosely that a value often fits two.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/").replace("/", ".")
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _translated(known, known.resolved(schema), definitions)
        return {"$ref": f"#/$defs/{name}"}
    kept = {k: v for k, v in schema.items() if k in _PLAIN}
    for name in _INNER & set(schema):
        inner = schema[name]
        if isinstance(inner, dict) and name == "properties":
            kept[name] = {k: _translated(known, v, definitions) for k, v in inner.items()}
        elif isinstance(inner, dict):
            kept[name] = _translated(known, inner, definitions)
        elif isinstance(inner, list):
            kept["anyOf" if name == "oneOf" else name] = [_translated(known, v, definitions) for v in inner]
        else:
            kept[name] = inner
    return _nullable(kept) if schema.get("nullable") else kept


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """With a type that it has, so that a misfit is named where it is, and not as "none of these"."""
    if "type" not in schema or set(_BRANCHES) & set(schema):
        return {"anyOf": [{"type": "null"}, schema]}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **values, "type": [schema["type"], "null"]}


_PLAIN = frozenset(
    ("type", "enum", "required", "format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems")
) | {"maxItems"}
_INNER = frozenset(("properties", "items", "additionalProperties", "not", *_BRANCHES))


def _unknown(schemas: Sequence[Schema], value: object, at: str) -> Iterator[Misfit]:
    """`schemas` are all that may describe the value; a field is known where one of them names it."""
    if isinstance(value, Mapping):
        fields, free = _fields(tuple(_Same(s) for s in schemas))
        for name, inner in value.items():
            if name in fields:
                yield from _unknown(fields[name], inner, f"{at}.{name}")
            elif not free:
                yield Misfit(at=f"{at}.{name}", what="is a field that the description does not know")
    elif isinstance(value, list):
        items = _items(tuple(_Same(s) for s in schemas))
        for inner in value if items else ():
            yield from _unknown(items, inner, f"{at}[]")


@cache
def _fields(keys: tuple[_Same, ...]) -> tuple[dict[str, list[Schema]], bool]:
    """The schemas of each named field, and whether other fields are free."""
    fields: dict[str, list[Schema]] = {}
    objects = [s for key in keys for s in _shapes(key.schema)]
    for shape in objects:
        for name, inner in shape.get("properties", {}).items():
            fields.setdefault(name, []).append(inner)
    return fields, not fields or any(shape.get("additionalProperties") for shape in objects)


@cache
def _items(keys: tuple[_Same, ...]) -> list[Schema]:
    return [s["items"] for key in keys for s in _shapes(key.schema) if "items" in s]


def _shapes(schema: Schema) -> Iterator[Schema]:
    """The schema without its references and alternatives: each shape that it may have."""
    schema = description().resolved(schema)
    yield schema
    for branch in _BRANCHES:
        for inner in schema.get(branch, ()):
            yield from _shapes(inner)
