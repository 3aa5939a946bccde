"""Argo CD's own types, v3, as an npm package has them that is generated from its Go source; and what in a value is not as they say.
Requests and the answers of other calls are not among them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from contract.packages import Package, folder

_FOLDER = "argoproj.io/v1alpha1"
_NAMES = (
    "Application", "ApplicationCondition", "ApplicationConditionType", "ApplicationDestination", "ApplicationSource",
    "ApplicationSourceType", "ApplicationSources", "ApplicationSpec", "ApplicationStatus", "ApplicationSummary", "AppHealthStatus",
    "ComparedTo", "Operation", "OperationInitiator", "OperationState", "RevisionHistories", "RevisionHistory", "SyncOperation",
    "SyncOperationResult", "SyncPolicy", "SyncPolicyAutomated", "SyncStatus", "SyncStatusCode",
)  # fmt: skip
TYPES = Package(
    name="@kubernetes-models/argo-cd",
    version="4.0.0",
    sha512="xzgoF4x2iXJdbkOywP1tpZTzUzAU2dQ/LKBWHQKCupH/AQkJIgtv9J79+Vti5z4in/Kr6sUyCMBwDIF6YVWRfw==",
    files=tuple(f"{_FOLDER}/{name}.d.ts" for name in _NAMES),
)
NOT_IN_REST = {"apiVersion", "kind"}  # its swagger's v1alpha1Application has neither
_OURS = "IComGithubArgoprojArgoCdV3PkgApisApplicationV1alpha1"
_FIELD = re.compile(r'^    "(\w+)"(\?)?: (.+);$', re.MULTILINE)
_PLAIN = {"string": str, "number": int, "boolean": bool}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    required: bool
    kind: str


def wrong(value: object, kind: str = f"{_OURS}Application", at: str = "") -> Iterator[str]:
    """What is not as the types say, each with its place. A type that is not kept here holds anything."""
    if listed := re.fullmatch(r"Array<(.+)>", kind):
        if not isinstance(value, list):
            yield f"{at}: no list"
            return
        for n, item in enumerate(value):
            yield from wrong(item, listed[1], f"{at}[{n}]")
    elif kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (kind == "number" and isinstance(value, bool)):
            yield f"{at}: {value!r} is no {kind}"
    elif kind.endswith("MetaV1Time"):
        if not _is_time(value):
            yield f"{at}: {value!r} is no time"
    elif kind.startswith(_OURS) and kind.removeprefix(_OURS) in _NAMES:
        yield from _in_object(value, kind.removeprefix(_OURS), at)


def has(path: str, kind: str = "Application") -> bool:
    """Whether the types know that path of fields, `status.sync.revision`."""
    name, _, rest = path.partition(".")
    field = fields(kind).get(name)
    inner = _named(field.kind) if field else None
    return field is not None and (not rest or (inner is not None and has(rest, inner)))


@cache
def fields(name: str) -> dict[str, Field]:
    text = (folder(TYPES) / f"{_FOLDER}/{name}.d.ts").read_text()
    body = re.search(rf"^export interface I{name}\b[^{{]*{{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    return {found[1]: Field(required=not found[2], kind=found[3]) for found in _FIELD.finditer(body[1])} if body else {}


@cache
def _alias(name: str) -> str | None:
    text = (folder(TYPES) / f"{_FOLDER}/{name}.d.ts").read_text()
    found = re.search(rf"^export type I{name} = (.+);$", text, re.MULTILINE)
    return found[1] if found else None


def _named(kind: str) -> str | None:
    """The object behind a reference, a list or an alias of it."""
    bare = kind.removeprefix("Array<").removesuffix(">").removeprefix(_OURS)
    if bare not in _NAMES:
        return None
    alias = _alias(bare)
    return _named(alias) if alias else bare


def _in_object(value: object, name: str, at: str) -> Iterator[str]:
    if alias := _alias(name):
        yield from wrong(value, alias, at)
        return
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    known = fields(name)
    yield from (f"{at}.{key}: {name} has no such field" for key in value if key not in known)
    for key, field in known.items():
        if key in value:
            yield from wrong(value[key], field.kind, f"{at}.{key}")
        elif field.required and key not in NOT_IN_REST:
            yield f"{at}.{key}: is required of {name}"


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
