"""What the forge's own webhooks come to, held against what reading the forge says."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import uvicorn
from world_fixtures import Engine, World

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.local.demo import plant
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.steps.project_events import project_events, replay_events
from oneshot_dagster.steps.services import Services
from oneshot_dagster.web.hooks import hooks_app

SECRET = "the secret of the hook"
_TO_THE_GATE = tuple(Artifact)[: tuple(Artifact).index(Artifact.CHECK_STATE) + 1]


@pytest.fixture
def told_url(make_database: Callable[..., str], store_template: str) -> str:
    """A database that hears the webhooks and reads nothing of the forge."""
    return make_database(template=store_template)


@pytest.fixture
def told(told_url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(told_url)
    yield store
    store.close()


@pytest.fixture
def receiver(told: PostgresStore) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = hooks_app(keep=told.events.add, secret=SECRET.encode)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/github"
    server.should_exit = True
    thread.join(20)
    listener.close()


def _until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _next_second() -> None:
    """What happens within one second, GitHub's times do not tell apart."""
    now = int(time.time())
    _until(lambda: int(time.time()) > now)


_QUERIES = {
    "pull": "select (head_sha, base_ref, base_sha, open, merged, labels) from jangar_github.pr_state where pr_number = %s",
    "checks": "select checks from jangar_github.check_state natural join (select repository, pr_number, head_sha as commit_sha"
    " from jangar_github.pr_state) heads where pr_number = %s",
    "reviews": "select reviews from jangar_github.review_state where pr_number = %s",
    "threads": "select array_agg((thread_id, is_resolved, author_login, body) order by thread_id)"
    " from jangar_github.review_threads where pr_number = %s",
    "comments": "select array_agg(comment_id order by comment_id) from jangar_github.comments"
    " where issue_number = %s and comment_type = 'issue'",
}


def _tables(url: str, number: int) -> dict[str, Any]:
    """Of a pull request, with the checks of its head."""
    with psycopg.connect(libpq_url(url)) as connection:
        rows = {name: connection.execute(query, [number]).fetchone() for name, query in _QUERIES.items()}
    return {name: row[0] if row else None for name, row in rows.items()}


def _life(world: World, one: Engine) -> int:
    """From the issue to the gate, and what people say of it; the number of the pull request."""
    key, _ = world.plant()
    one.run(key, *_TO_THE_GATE)
    number = one.attempt(key).pr_number
    assert number is not None
    _next_second()
    world.forge.review(plant.REPOSITORY, number, "APPROVE", "fine")
    world.forge.label(plant.REPOSITORY, number, "big")
    world.forge.comment(plant.REPOSITORY, number, "what is this for?")
    _discuss(world, one.services, number)
    return number


def _discuss(world: World, services: Services, number: int) -> None:
    """Two threads, one resolved in the end: GitHub tells of a thread only when that changes."""
    head = world.forge.pull(plant.REPOSITORY, number)["head"]["sha"]
    snapshot = services.store.projections.snapshot(plant.REPOSITORY, pr_number=number, head_sha=head)
    assert snapshot is not None
    for body in ("one", "two"):
        world.forge.open_thread(plant.REPOSITORY, number, path=snapshot.files[0].path, line=1, body=body)
    threads = [t.thread_id for t in services.github.gate_facts(plant.REPOSITORY, number).threads]
    for thread in threads:
        services.github.resolve_thread(plant.REPOSITORY, thread)
    _next_second()
    mutation = "mutation($id: ID!) { unresolveReviewThread(input: {threadId: $id}) { thread { id } } }"
    world.forge.graphql(mutation, id=threads[0])


def _deliver_backwards(world: World, told: PostgresStore) -> int:
    """All that is held, the last first and some of it twice."""
    waiting = [delivery["id"] for delivery in world.forge.waiting_deliveries()]
    world.forge.set_hooks(held=True, duplicate=5)
    world.forge.release_deliveries(*reversed(waiting))
    _until(lambda: told.events.standing().waiting == len(waiting))
    return len(waiting)


def _hears(services: Services, told: PostgresStore) -> Services:
    return replace(services, store=told)


def test_events_that_come_backwards_and_twice_say_what_reading_the_forge_says(
    world: World, engine: Callable[..., Engine], told: PostgresStore, told_url: str, receiver: str
) -> None:
    one = engine()
    world.forge.set_hooks(held=True)
    world.forge.add_hook(plant.REPOSITORY, receiver, secret=SECRET)
    number = _life(world, one)
    came = _deliver_backwards(world, told)

    projected = project_events(_hears(one.services, told), most=came)
    assert (projected.read, projected.dead) == (came, 0)
    by_events = _tables(told_url, number)
    facts = one.services.github.gate_facts(plant.REPOSITORY, number)
    told.projections.save_pull(plant.REPOSITORY, facts)
    by_reading = _tables(told_url, number)

    assert by_events["pull"] == by_reading["pull"]
    assert _signals(by_events) == _signals(by_reading) != []
    assert _reviews(by_events) == _reviews(by_reading) != []
    assert by_events["threads"] == by_reading["threads"]
    assert len(by_events["threads"]) == 2
    assert by_events["comments"] == [c["id"] for c in world.forge.comments(plant.REPOSITORY, number)]


def _signals(tables: dict[str, Any]) -> list[object]:
    """But the text, which only a reading has in full."""
    return sorted(
        (c["kind"], c.get("name") or c["context"], c.get("conclusion") or c["state"]) for c in tables["checks"]
    )


def _reviews(tables: dict[str, Any]) -> list[object]:
    return [(r["review_id"], r["author"], r["state"], r["commit_sha"]) for r in tables["reviews"]]


def test_a_repository_that_is_not_allowed_leaves_nothing(
    world: World, engine: Callable[..., Engine], told: PostgresStore, told_url: str, receiver: str
) -> None:
    services = engine(repositories=["acme/other"]).services
    world.forge.add_hook(plant.REPOSITORY, receiver, secret=SECRET)
    issue = world.forge.create_issue(plant.REPOSITORY, "One")["number"]
    world.forge.comment(plant.REPOSITORY, issue, "a secret of theirs")
    _until(lambda: told.events.standing().waiting >= 3)

    assert project_events(_hears(services, told)).asked == frozenset()
    with psycopg.connect(libpq_url(told_url)) as connection:
        assert connection.execute("select count(*) from jangar_github.sightings").fetchone() == (0,)


def test_a_replay_in_small_batches_says_how_many_and_changes_nothing(
    world: World, engine: Callable[..., Engine], told: PostgresStore, told_url: str, receiver: str
) -> None:
    services = _hears(engine().services, told)
    world.forge.set_hooks(held=True)
    world.forge.add_hook(plant.REPOSITORY, receiver, secret=SECRET)
    issue = world.forge.create_issue(plant.REPOSITORY, "One")["number"]
    for text in ("a", "b", "c"):
        world.forge.comment(plant.REPOSITORY, issue, text)
    came = _deliver_backwards(world, told)
    assert [project_events(services, most=2).read for _ in range(4)] == [2, 2, came - 4, 0]
    before = _tables(told_url, issue)

    assert replay_events(services).read == came
    assert len(before["comments"]) == 3
    assert _tables(told_url, issue) == before
