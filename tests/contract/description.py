"""GitHub's OpenAPI description, as of one API version: which operation a request is, and what references in it mean."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from contract.packages import OPENAPI, load

Schema = dict[str, Any]
VERSION = "2026-03-10"
PREFIX = "/api/v3"
_CHANGES = "x-github-breaking-changes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """`path` is the template, `values` what stands in its places in one request."""

    method: str
    path: str
    body: Schema
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Description:
    """The description is of the oldest version; what a newer one breaks is in it as patches, applied here."""

    def __init__(self, document: Schema, version: str = VERSION) -> None:
        self.document = document
        for holder in _changed(document):
            for change in holder.pop(_CHANGES):
                if change["version"] <= version:
                    _patch(holder, change["patch"])

    def operation(self, method: str, path: str) -> Operation | None:
        """`path` as sent, still quoted, without the prefix."""
        for pattern, template in self._patterns:
            found = pattern.fullmatch(path)
            item = self.document["paths"][template]
            if found and method.lower() in item:
                values = dict(zip(re.findall(r"{(\w+)}", template), found.groups(), strict=True))
                return Operation(method=method, path=template, body=item[method.lower()], values=values)
        return None

    def resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._at(schema["$ref"])
        return schema

    def parameters(self, operation: Operation, place: str) -> dict[str, Schema]:
        """Those in `place` (path, query, header) by name."""
        every = [self.resolved(p) for p in operation.body.get("parameters", ())]
        return {p["name"]: p for p in every if p["in"] == place}

    @cache  # noqa: B019 - one description lives as long as its session
    def _at(self, reference: str) -> Schema:
        found = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [(self._pattern(template), template) for template in sorted(self.document["paths"], key=_rank)]

    def _pattern(self, template: str) -> re.Pattern[str]:
        """Some places take slashes."""
        item = self.document["paths"][template].values()
        parameters = [self.resolved(p) for op in item if isinstance(op, dict) for p in op.get("parameters", ())]
        wide = {p["name"] for p in parameters if p.get("x-multi-segment")}
        parts = re.split(r"{(\w+)}", template)
        places = ["(.+)" if name in wide else "([^/]+)" for name in parts[1::2]]
        literals = [re.escape(part) for part in parts[0::2]]
        return re.compile("".join(a + b for a, b in zip(literals, [*places, ""], strict=True)))


@cache
def description() -> Description:
    document = load(OPENAPI, OPENAPI.files[0])
    assert isinstance(document, dict)
    return Description(document)


def _rank(template: str) -> tuple[int, list[bool]]:
    """The template with most literal segments first, and where they are equally many the one with the earlier."""
    places = [segment.startswith("{") for segment in template.split("/")]
    return sum(places) - len(places), places


def _changed(node: Any) -> Iterator[Schema]:
    if isinstance(node, dict):
        if _CHANGES in node:
            yield node
        for child in list(node.values()):
            yield from _changed(child)
    elif isinstance(node, list):
        for child in node:
            yield from _changed(child)


def _patch(target: Schema, patch: Any) -> None:
    """A JSON patch where it is a list, else a JSON merge patch."""
    if isinstance(patch, dict):
        _merge(target, patch)
        return
    for step in patch:
        *way, last = [s.replace("~1", "/").replace("~0", "~") for s in step["path"].split("/")[1:]]
        holder: Any = target
        for name in way:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        key = int(last) if isinstance(holder, list) else last
        if step["op"] == "remove":
            del holder[key]
        else:
            assert step["op"] in {"replace", "add"}, step
            holder[key] = step["value"]


def _merge(target: Schema, patch: Schema) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = value
