"""The judge without a model: the rules of domain.evaluation decide alone, and it says so."""

from collections.abc import Callable

from oneshot_dagster.services.judge.protocol import Opinion, Question


class RulesOnly:
    model: str | None = None
    browses: bool = False
    not_enforced: tuple[str, ...] = ("a model's opinion (rules alone judged)",)

    def ask(self, question: Question, *, cancelled: Callable[[], bool]) -> Opinion | None:
        del question, cancelled
        return None
