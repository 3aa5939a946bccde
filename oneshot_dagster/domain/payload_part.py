"""A part of a payload of GitHub's, read field by field: what is absent or of another kind is None, or Unreadable by its path.
What the fields mean is event_payloads.py."""

import re
from datetime import UTC, datetime
from typing import TypeVar, cast

from oneshot_dagster.domain.webhook import Json, Unreadable

T = TypeVar("T")
GHOST = "ghost"  # GitHub's own name for an account that is gone
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Part:
    """A part of a payload that knows its path, for the reason of what is Unreadable."""

    def __init__(self, body: object, path: str) -> None:
        self._body: Json = cast("Json", body) if isinstance(body, dict) else dict[str, object]()
        self._path = path

    def part(self, name: str) -> "Part":
        """Empty where it is absent or null."""
        return Part(self._body.get(name), f"{self._path}{name}.")

    def parts(self, name: str) -> list["Part"]:
        value = self._body.get(name)
        items = cast("list[object]", value) if isinstance(value, list) else []
        return [Part(item, f"{self._path}{name}[{place}].") for place, item in enumerate(items)]

    def word(self, name: str) -> str | None:
        value = self._body.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        value = self._body.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None

    def flag(self, name: str) -> bool:
        return self._body.get(name) is True

    def sha(self, name: str) -> str | None:
        word = self.word(name)
        return word if word and _SHA.fullmatch(word) else None

    def time(self, name: str) -> datetime | None:
        """None where there is none, or none that can be read."""
        try:
            at = datetime.fromisoformat(self.word(name) or "")
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def login(self, name: str = "user") -> str:
        return self.part(name).word("login") or GHOST

    def must_word(self, name: str) -> str:
        return self._there(name, self.word(name))

    def must_number(self, name: str) -> int:
        return self._there(name, self.number(name))

    def must_sha(self, name: str) -> str:
        return self._there(name, self.sha(name))

    def place(self) -> tuple[str | None, int | None]:
        """A line and its file; a line that is outdated by now is where it was."""
        line = self.number("line") or self.number("original_line")
        return self.word("path"), line if line and line < 2**31 else None

    def pull_number(self, name: str = "number") -> int:
        number = self.must_number(name)
        return self._there(name, number if number < 2**31 else None)

    def _there(self, name: str, value: T | None) -> T:
        if value is None:
            raise Unreadable(f"{self._path}{name} is missing or of another kind")
        return value
