"""The judge that adds no opinion: the rules of domain.evaluation decide alone, and it says so."""

from oneshot_dagster.services.judge.protocol import Opinion


class RulesOnly:
    not_enforced: tuple[str, ...] = ("a model's opinion (rules alone judged)",)

    def opinion(self, prompt: str) -> Opinion | None:
        del prompt
        return None
