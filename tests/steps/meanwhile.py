"""GitHub, or git, where something happens at the very moment before a call of ours: what a person does then is real."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from oneshot_dagster.steps.services import Services


class Meanwhile:
    """`happens` is done once, just before the first call of that name."""

    def __init__(self, real: Any, call: str, happens: Callable[[], object]) -> None:
        self._real, self._call, self._happens = real, call, happens
        self.happened = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if name != self._call:
            return value

        def called(*args: object, **named: object) -> object:
            if not self.happened:
                self.happened = True
                self._happens()
            return value(*args, **named)

        return called


def meanwhile(services: Services, call: str, happens: Callable[[], object]) -> Services:
    """`call` as github.merge_async or git.fetch."""
    part, _, name = call.partition(".")
    return replace(services, **{part: Meanwhile(getattr(services, part), name, happens)})


class Altered:
    """A part that says something else than it found."""

    def __init__(self, real: Any, call: str, alter: Callable[[Any], Any]) -> None:
        self._real, self._call, self._alter = real, call, alter

    @classmethod
    def github(cls, services: Services, call: str, alter: Callable[[Any], Any]) -> Services:
        return replace(services, github=cls(services.github, call, alter))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return (lambda *args, **named: self._alter(value(*args, **named))) if name == self._call else value
