"""The part of GitHub's workflow expressions that the forge's CI evaluates: comparisons, !, &&, ||, parentheses,
status functions, and the contexts env, github and needs.<job>.result. Pure. Anything else is Unsupported by its name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = str | float | bool | None


class Unsupported(Exception):
    """Names what of a workflow the forge cannot honour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """`status` is that of the steps so far, or of the needed jobs: success, failure or cancelled."""

    env: Mapping[str, str]
    github: Mapping[str, str]
    needs: Mapping[str, str]
    status: str = "success"


Expression = Callable[[Context], Value]
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(-?\d+(?:\.\d+)?)|([A-Za-z_][\w-]*(?:\.[\w-]+)*)|(==|!=|&&|\|\||[!()]))")
_STATUS = {"success": "success", "failure": "failure", "cancelled": "cancelled"}
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
GITHUB_FIELDS = frozenset({"sha", "ref", "ref_name", "head_ref", "base_ref", "event_name", "repository", "actor"})


def compile_expression(text: str) -> Expression:
    parser = _Parser(_tokens(text), text)
    made = parser.either()
    parser.end()
    return made


def compile_condition(text: str) -> Expression:
    """An `if`: holds only after success unless it asks about the status itself, as on GitHub."""
    stripped = text.strip()
    whole = _HOLE.fullmatch(stripped)
    inner = whole.group(1) if whole else stripped
    if "${{" in inner:
        raise Unsupported(f"if: {text}")
    condition = compile_expression(inner)
    if re.search(r"\b(success|failure|always|cancelled)\s*\(", inner):
        return condition
    return lambda c: c.status == "success" and truth(condition(c))


def interpolate(text: str, context: Context) -> str:
    return _HOLE.sub(lambda hole: written(compile_expression(hole.group(1))(context)), text)


def check_text(text: str) -> None:
    """Raises Unsupported for a hole that could not be filled."""
    for hole in _HOLE.findall(text):
        compile_expression(hole)


def truth(value: Value) -> bool:
    return value not in ("", 0, False, None)


def written(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return value if isinstance(value, str) else f"{value:g}"


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unsupported(f"expression: {text.strip()}")
        found.append(match.group().strip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens, self._text = tokens, text.strip()

    def either(self) -> Expression:
        left = self.both()
        while self._took("||"):
            left = _or(left, self.both())
        return left

    def both(self) -> Expression:
        left = self.compared()
        while self._took("&&"):
            left = _and(left, self.compared())
        return left

    def compared(self) -> Expression:
        left = self.single()
        if self._took("=="):
            return _equal(left, self.single(), same=True)
        if self._took("!="):
            return _equal(left, self.single(), same=False)
        return left

    def single(self) -> Expression:
        if self._took("!"):
            inner = self.single()
            return lambda c: not truth(inner(c))
        if self._took("("):
            inner = self.either()
            self._need(")")
            return inner
        return self._atom()

    def end(self) -> None:
        if self._tokens:
            raise Unsupported(f"expression: {self._text}")

    def _atom(self) -> Expression:
        if not self._tokens or self._tokens[0] in {")", "==", "!=", "&&", "||"}:
            raise Unsupported(f"expression: {self._text}")
        token = self._tokens.pop(0)
        if token[0] == "'":
            literal = token[1:-1].replace("''", "'")
            return lambda _: literal
        if token[0] in "-0123456789":
            number = float(token)
            return lambda _: number
        if self._took("("):
            self._need(")")
            return _function(token)
        return _name(token)

    def _took(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            del self._tokens[0]
            return True
        return False

    def _need(self, token: str) -> None:
        if not self._took(token):
            raise Unsupported(f"expression: {self._text}")


def _function(name: str) -> Expression:
    if name == "always":
        return lambda _: True
    if name not in _STATUS:
        raise Unsupported(f"{name}()")
    return lambda c: c.status == _STATUS[name]


def _name(token: str) -> Expression:
    if token in _WORDS:
        return lambda _: _WORDS[token]
    match token.split("."):
        case ["env", variable]:
            return lambda c: c.env.get(variable, "")
        case ["github", field] if field in GITHUB_FIELDS:
            return lambda c: c.github.get(field, "")
        case ["needs", job, "result"]:
            return lambda c: c.needs.get(job, "")
        case _:
            raise Unsupported(token)


def _or(left: Expression, right: Expression) -> Expression:
    return lambda c: found if truth(found := left(c)) else right(c)


def _and(left: Expression, right: Expression) -> Expression:
    return lambda c: right(c) if truth(found := left(c)) else found


def _equal(left: Expression, right: Expression, *, same: bool) -> Expression:
    return lambda c: (_comparable(left(c), right(c))) is same


def _comparable(a: Value, b: Value) -> bool:
    """Strings without regard to case; of two types, both as numbers."""
    if isinstance(a, str) and isinstance(b, str):
        return a.lower() == b.lower()
    if type(a) is type(b):
        return a == b
    return _number(a) == _number(b)


def _number(value: Value) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return float("nan")
