"""GitHub's own example payloads: each is understood, and none stops the projection, whatever else stands in its places."""

import contextlib
import json
from functools import cache
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from contract.packages import WEBHOOKS, load
from hypothesis import given, settings
from hypothesis import strategies as st
from store_fixtures import make_store, store, store_template, store_url  # noqa: F401

from oneshot_dagster.domain.event_payloads import understand
from oneshot_dagster.domain.projection import Kind, rows_of
from oneshot_dagster.domain.webhook import Unreadable, read_event
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.steps.project_events import project_events

Example = tuple[str, dict[str, Any]]


@cache
def examples() -> list[Example]:
    events: Any = load(WEBHOOKS, WEBHOOKS.files[0])
    return [(event["name"], payload) for event in events for payload in event["examples"]]


@cache
def telling() -> list[Example]:
    return [example for example in examples() if understand(*example).sightings]


def test_every_example_is_understood_and_they_say_something_of_every_kind() -> None:
    """None is unreadable for being odd."""
    sightings = [sighting for example in examples() for sighting in understand(*example).sightings]
    assert {sighting.kind for sighting in sightings} == set(Kind) - {Kind.READING}
    assert rows_of(sightings).pulls


def test_every_example_goes_through_the_tables(store: PostgresStore, store_url: str) -> None:  # noqa: F811
    for number, (event, payload) in enumerate(examples()):
        body = json.dumps(payload).encode()
        store.events.add(read_event(delivery_id=f"d{number}", event_type=event, body=body))
    everybody = sorted({(p.get("repository") or {}).get("full_name", "a/b").split("/")[0] for _, p in examples()})
    services: Any = SimpleNamespace(
        store=store, limits=SimpleNamespace(repositories=tuple(f"{owner}/*".lower() for owner in everybody))
    )

    assert project_events(services).read == len(examples())
    with psycopg.connect(libpq_url(store_url)) as connection:
        states = connection.execute("select state, count(*) from jangar_github.events group by 1").fetchall()
        filled = connection.execute("""
            select exists (select from jangar_github.pr_state), exists (select from jangar_github.check_state),
              exists (select from jangar_github.review_state), exists (select from jangar_github.review_threads)
        """).fetchone()
    assert states == [("processed", len(examples()))]
    assert filled == (True, True, True, True)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["a" * 40, "2026-01-01"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)


@pytest.mark.parametrize("deep", [False, True])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_payload_with_anything_in_any_place_is_understood_or_unreadable(data: st.DataObject, deep: bool) -> None:
    event, payload = data.draw(st.sampled_from(telling()))
    place = broken = json.loads(json.dumps(payload))
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or not place[name] or (not deep and data.draw(st.booleans())):
            break
        place = place[name]
    place[name] = data.draw(JSON)
    with contextlib.suppress(Unreadable):
        rows_of(understand(event, broken).sightings)
