"""The change and its key: one issue on its way to one merged PR that stands.
What a change is called, not what happens to it (run.py)."""

import re
from dataclasses import dataclass

from oneshot_dagster.domain.errors import BadInput

_KEY = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,38}))/([a-z0-9_.-]{1,100})#([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True, order=True)
class ChangeKey:
    """`owner/repo#N`, also the Dagster partition key. Lower case, N is the issue's number."""

    owner: str
    name: str
    issue_number: int

    @classmethod
    def parse(cls, text: str) -> "ChangeKey":
        """Raises BadInput for anything but a full match."""
        match = _KEY.fullmatch(text)
        if match is None or match[2] in {".", ".."}:
            raise BadInput(
                tried="read a change key",
                found=repr(text),
                do="give owner/repo#N: lower case, the number of an issue, no leading zero, for example acme/shop#2",
            )
        return cls(match[1], match[2], int(match[3]))

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def branch(self) -> str:
        return f"codex/issue-{self.issue_number}"

    def __str__(self) -> str:
        return f"{self.repository}#{self.issue_number}"
