"""What a test does around a forge: `begin` before it starts, `check` when it has ended."""

from pathlib import Path

from contract import exchanges, graphql_answers, rest, webhooks
from contract.description import PREFIX
from contract.exchanges import Exchange
from contract.lacking import Gap, remaining
from contract.problem import Problem

from oneshot_dagster.local.forge.recording import FILE

met: set[Gap] = set()
_SHOWN = 12


def begin(home: Path) -> None:
    """The forge of this home writes down what is said."""
    home.mkdir(parents=True, exist_ok=True)
    (home / FILE).touch()


def check(home: Path) -> None:
    """AssertionError with each way in which a request, an answer or a webhook is not as GitHub describes it."""
    found = [*found_in(home / FILE), *_told_in(home)]
    if found:
        more = f"\n… and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise AssertionError("not as GitHub describes it:\n" + "\n".join(map(str, found[:_SHOWN])) + more)


def found_in(file: Path) -> list[Problem]:
    return list(dict.fromkeys(p for exchange in exchanges.read(file) for p in remaining(problems(exchange), met)))


def _told_in(home: Path) -> list[Problem]:
    told = webhooks.made_in(home)
    return list(dict.fromkeys(p for hook in told for p in remaining(webhooks.problems(*hook), met)))


def problems(exchange: Exchange) -> list[Problem]:
    if exchange.path == graphql_answers.PATH:
        return list(graphql_answers.problems(exchange))
    assert exchange.path.startswith(PREFIX), exchange.path
    return list(rest.problems(exchange))
