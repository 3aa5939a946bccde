"""What we ask of a judge beside the rules of domain.evaluation: a model's opinion. It has no write credentials and shares no
session with whoever made the change. What it says is read, and held against the tree, elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """`tree` is a folder with the head's files, for a judge that browses; it is thrown away afterwards."""

    prompt: str
    schema: Mapping[str, object]
    tree: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """`raw` is the whole answer, unread. `problem` says why it is none that could be read: refused, cut off, too late.

    Tokens are None where nobody said how many, which is unknown and never zero; cached ones are part of the input's.
    """

    model: str
    raw: str
    seconds: float
    problem: str = ""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None


class Judge(Protocol):
    @property
    def model(self) -> str | None:
        """None: there is no model, the rules judge alone."""
        ...

    @property
    def browses(self) -> bool:
        """It wants the tree at hand."""
        ...

    @property
    def not_enforced(self) -> tuple[str, ...]: ...

    def ask(self, question: Question, *, cancelled: Callable[[], bool]) -> Opinion | None:
        """One try. None where it was cancelled. What the model does wrong is in the answer; raises TryAgain where its service
        is away or asks to wait, NeedsHuman where it will never answer as it is set up."""
        ...
