"""One REST call: what a handler gets, what it gives back, and GitHub's way of refusing.
Handlers are plain functions of a Call; the app binds them to HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlencode

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import App, Issue, Pull, Repository, User
from oneshot_dagster.local.forge.shapes.people import Json, Urls

_DOCS = "https://docs.github.com/rest"


class Refusal(Exception):
    """Answered with GitHub's error object."""

    def __init__(self, status: int, message: str, errors: Sequence[Json | str] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, list(errors)

    def body(self) -> Json:
        shown: Json = {"message": self.message, "documentation_url": _DOCS, "status": str(self.status)}
        return {**shown, "errors": self.errors} if self.errors else shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`body` None is an empty body."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """`app` where an App asks for itself, with its JWT; `user` is its bot then."""

    forge: Forge
    user: User
    place: Repository | None
    target: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, object]
    app: App | None = None

    @property
    def urls(self) -> Urls:
        return self.forge.urls

    @property
    def repository(self) -> Repository:
        return self.place or not_found()

    def number(self, name: str) -> int:
        return int(self.path[name]) if self.path[name].isdigit() else not_found()

    def issue(self) -> Issue:
        return self.forge.world.issue(self.repository, self.number("number")) or not_found()

    def pull(self) -> Pull:
        return self.forge.world.pull(self.repository, self.number("number")) or not_found()

    def text(self, name: str, default: str | None = None) -> str:
        """A string of the body; 422 where it is missing and has no default."""
        value = self.body.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            invalid(name, "missing_field" if value is None else "invalid")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        value = self.body.get(name)
        if value is None:
            return ()
        found = untyped.sequence(value)
        if found is None or not all(isinstance(x, str) for x in found):
            invalid(name, "invalid")
        return tuple(str(x) for x in found)

    def mapping(self, name: str) -> Mapping[str, object] | None:
        return untyped.mapping(self.body.get(name))

    def page(self, items: Sequence[object], *, wrap: str | None = None) -> Answer:
        """One page of a list with GitHub's Link header; `wrap` for answers of the kind {total_count, <wrap>: […]}."""
        size = min(max(_int(self.query.get("per_page"), 30), 1), 100)
        number = max(_int(self.query.get("page"), 1), 1)
        shown = list(items[(number - 1) * size : number * size])
        links = self._links(number, last=max(-(-len(items) // size), 1))
        body: object = {"total_count": len(items), wrap: shown} if wrap else shown
        return Answer(body=body, headers={"link": links} if links else {})

    def _links(self, number: int, *, last: int) -> str:
        pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number >= last:
            del pages["next"], pages["last"]
        if number <= 1:
            del pages["prev"], pages["first"]
        return ", ".join(f'<{self._page_url(n)}>; rel="{rel}"' for rel, n in pages.items())

    def _page_url(self, number: int) -> str:
        return f"{self.urls.site}{self.target}?{urlencode({**self.query, 'page': number})}"


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """`needs` is the permission on the repository in the path, "" where there is none.

    `atomic`: the handler's changes are one transaction. The merge is not: it writes its intent before it touches git.
    """

    method: str
    pattern: str
    handler: Handler
    needs: str = "read"
    atomic: bool = True


def not_found() -> NoReturn:
    raise Refusal(404, "Not Found")


def invalid(name: str, code: str, message: str | None = None) -> NoReturn:
    error: Json = {"resource": "Forge", "code": code, "field": name}
    raise Refusal(422, "Validation Failed", [{**error, "message": message} if message else error])


def _int(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
