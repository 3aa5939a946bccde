"""One way in which an exchange or a webhook does not fit GitHub's description."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """`what` names the part: `query page`, `body .title`, `status 404`, `answer 200 .user.login`.

    `body` of an undocumented status is the answer's, which is checked by what we know of that status.
    """

    operation: str
    what: str
    said: str
    body: str | None = None

    def __str__(self) -> str:
        return f"{self.operation}: {self.what}: {self.said}"
