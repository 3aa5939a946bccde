"""What we ask of a judge beside the rules of domain.evaluation: a second, stricter opinion by a model. It has no write credentials."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """`raw` is the model's whole answer; domain.evaluation parses it, and what does not parse is a judge failure."""

    model: str
    prompt_sha256: str
    raw: str


class Judge(Protocol):
    @property
    def not_enforced(self) -> tuple[str, ...]: ...

    def opinion(self, prompt: str) -> Opinion | None:
        """None where this judge is rules-only."""
        ...
