"""Deliveries that are kept together: each one's sender is told of his own, and what is answered is in the table."""

import asyncio
from collections.abc import Sequence

import pytest

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.webhook import Event, Unreadable, read_event
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.web.keeping import Keeping

TOO_DEEP = '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}"


def event(name: str) -> Event:
    return read_event(delivery_id=name, event_type="ping", body=b'{"zen": "Keep it logically awesome."}')


def too_deep(name: str) -> Event:
    known = event(name)
    return Event(**{field: getattr(known, field) for field in Event.__slots__} | {"body": TOO_DEEP})


def keep(store, events: Sequence[Event]) -> tuple[list[BaseException | None], list[int]]:
    """What each was told, and how many were given to the store at once."""
    together: list[int] = []

    def given(*events: Event) -> None:
        together.append(len(events))
        store(*events)

    async def all_at_once() -> list[BaseException | None]:
        keeping = Keeping(given)
        return await asyncio.gather(*(keeping.kept(one) for one in events), return_exceptions=True)

    return asyncio.run(all_at_once()), together


def names(store: PostgresStore) -> list[str]:
    return [listed.delivery_id for listed in reversed(store.events.listed(dead=False, most=100))]


def test_those_that_come_at_once_are_one_commit_in_their_order_and_each_id_is_kept_once(store: PostgresStore) -> None:
    said, together = keep(store.events.add, [event("b"), event("a"), event("b"), event("c")])

    assert (said, together) == ([None] * 4, [4])
    assert names(store) == ["b", "a", "c"]


def test_one_that_cannot_be_stored_is_refused_alone(store: PostgresStore) -> None:
    said, _ = keep(store.events.add, [event("a"), too_deep("b"), event("c")])

    assert [type(one) for one in said] == [type(None), Unreadable, type(None)]
    assert names(store) == ["a", "c"]


def test_more_than_a_commit_takes_come_in_several(store: PostgresStore) -> None:
    said, together = keep(store.events.add, [event(str(number)) for number in range(120)])

    assert said == [None] * 120
    assert (max(together), sum(together)) == (50, 120)
    assert len(store.events.listed(dead=False, most=200)) == 120


@pytest.mark.parametrize("error", [TryAgain("the database did not answer"), RuntimeError("a fault of ours")])
def test_where_nothing_can_be_kept_each_is_told_so_and_the_next_are_kept(
    store: PostgresStore, error: Exception
) -> None:
    def broken(*_: Event) -> None:
        raise error

    said, together = keep(broken, [event("a"), event("b")])
    after, _ = keep(store.events.add, [event("a")])

    assert said == [error, error]
    assert together == ([2] if isinstance(error, TryAgain) else [2, 1, 1])
    assert after == [None]
