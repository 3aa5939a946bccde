"""What steps leave: files, records, reports, evaluations, facts, launches, requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from store_fixtures import intake, sha

from oneshot_dagster.domain.artifact import Artifact, Check, Link, Markdown, Record, Verdict
from oneshot_dagster.domain.attempt import Report, StoredEvaluation
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.store.postgres import PostgresStore

NOW = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)


def _file(store: PostgresStore, attempt_id: str, name: str, digit: str) -> None:
    store.artifacts.add_file(
        attempt_id, artifact="patch", name=name, sha256=digit * 64, size=3, media_type="text/plain", uri=f"blob:{digit}"
    )


def test_the_newest_file_of_a_name_counts(store: PostgresStore) -> None:
    attempt = intake(store)
    for name, digit in (("log", "1"), ("patch", "2"), ("log", "3"), ("log", "1")):
        _file(store, attempt.id, name, digit)
    files = store.artifacts.files(attempt.id)
    assert [(f.name, f.sha256[0], f.size, f.media_type, f.uri) for f in files] == [
        ("log", "1", 3, "text/plain", "blob:1"),
        ("patch", "2", 3, "text/plain", "blob:2"),
    ]


def test_a_record_is_shown_again_as_it_was_in_the_same_order(store: PostgresStore) -> None:
    attempt = intake(store)
    record = Record(
        artifact=Artifact.MERGE,
        what_happened="Merged.",
        shown={
            "z": 1,
            "pr": Link("http://x"),
            "a": Markdown("| t |"),
            "ok": True,
            "none": None,
            "f": 1.5,
            "s": "markdown",
        },
        checks=(Check(name="ci_green", passed=True, description="d"),),
    )
    store.artifacts.record(attempt.id, record, sha=sha("a"), dagster_run_id="run", seconds=1.25)
    kept = store.artifacts.records(attempt.id)["merge"]
    assert (kept.record, kept.sha, kept.dagster_run_id, kept.seconds) == (record, sha("a"), "run", 1.25)
    assert list(kept.record.shown) == list(record.shown)


def test_the_newest_record_of_an_artifact_counts(store: PostgresStore) -> None:
    attempt = intake(store)
    for said in ("first", "second"):
        record = Record(artifact=Artifact.PATCH, what_happened=said)
        store.artifacts.record(attempt.id, record, sha=None, dagster_run_id="run", seconds=0)
    records = store.artifacts.records(attempt.id)
    assert {name: kept.record.what_happened for name, kept in records.items()} == {"patch": "second"}


def test_a_report_is_found_by_kind_and_sha_and_the_newest_counts(store: PostgresStore) -> None:
    attempt = intake(store)
    for kind, letter, verdict in (
        ("local", "a", Verdict.FAILED),
        ("local", "a", Verdict.PASSED),
        ("verification", "b", Verdict.DID_NOT_RUN),
    ):
        store.artifacts.add_report(
            attempt.id, Report(kind=kind, sha=sha(letter), verdict=verdict, suites=({"s": "x"},), at=NOW)
        )
    found = store.artifacts.report(attempt.id, kind="local", sha=sha("a"))
    assert found == Report(kind="local", sha=sha("a"), verdict=Verdict.PASSED, suites=({"s": "x"},), at=NOW)
    assert store.artifacts.report(attempt.id, kind="local", sha=sha("b")) is None


def test_evaluations_are_kept_in_order(store: PostgresStore) -> None:
    attempt = intake(store)
    one = StoredEvaluation(
        decision="needs_iteration", sha=sha("a"), reasons={"error": "ci_failed", "at": [1, {"x": None}]},
        missing_items=("tests", "docs\x00"), next_prompt="again", model="m", prompt_sha256="0", raw_output="{}", at=NOW,
    )  # fmt: skip
    two = StoredEvaluation(
        decision="pass", sha=sha("b"), reasons={}, missing_items=(), next_prompt=None, model=None, prompt_sha256=None,
        raw_output=None, at=NOW,
    )  # fmt: skip
    for evaluation in (one, two):
        store.artifacts.add_evaluation(attempt.id, evaluation)
    first, second = store.artifacts.evaluations(attempt.id)
    assert first.missing_items == ("tests", "docs�")
    assert (first.reasons, first.next_prompt, first.model) == (one.reasons, "again", "m")
    assert second == two


def test_facts_are_numbered_without_a_gap_in_their_order(store: PostgresStore) -> None:
    attempt, other = intake(store), intake(store, "acme/shop#3")
    for owner, kind in ((attempt, "one"), (other, "else"), (attempt, "two")):
        store.facts.append(owner.id, source="git", kind=kind, sha=sha("a"), data={"n": 1, "when": NOW, "bad": "\x00"})
    facts = store.facts.of(attempt.id)
    assert [(f.seq, f.kind, f.source, f.sha) for f in facts] == [
        (1, "one", "git", sha("a")),
        (2, "two", "git", sha("a")),
    ]
    assert facts[0].data == {"n": 1, "when": "2026-01-04T12:00:00+00:00", "bad": "�"}


def test_facts_appended_at_once_lose_none(make_store: Callable[[], PostgresStore]) -> None:
    stores = [make_store() for _ in range(4)]
    attempt = intake(stores[0])

    def append(store: PostgresStore) -> None:
        for _ in range(5):
            store.facts.append(attempt.id, source="engine", kind="k", sha=None, data={})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, stores))
    assert [fact.seq for fact in stores[0].facts.of(attempt.id)] == list(range(1, 21))


def test_a_fact_of_no_attempt_is_refused(store: PostgresStore) -> None:
    with pytest.raises(BadInput):
        store.facts.append("00000000-0000-0000-0000-000000000000", source="git", kind="k", sha=None, data={})


def test_a_launch_is_added_once_and_found_by_its_run(store: PostgresStore) -> None:
    attempt = intake(store)
    first = store.launches.add(
        attempt.id, seq=1, selection=list(Artifact), reason="labelled", costs_retry=False, dagster_run_id="run-1"
    )
    assert first is not None
    assert first.selection == tuple(artifact.value for artifact in Artifact)
    again = store.launches.add(attempt.id, seq=1, selection=["merge"], reason="r", costs_retry=False)
    second = store.launches.add(attempt.id, seq=2, selection=["merge"], reason="r", costs_retry=False)
    assert again is None
    assert second is not None and second.dagster_run_id
    assert store.launches.of(attempt.id) == (first, second)
    assert (store.launches.by_run("run-1"), store.launches.by_run("no")) == (first, None)


def test_a_launch_that_costs_a_retry_is_counted_once(store: PostgresStore) -> None:
    attempt = intake(store)
    for seq, costs in ((1, False), (2, True), (2, True)):
        store.launches.add(attempt.id, seq=seq, selection=["merge"], reason="r", costs_retry=costs)
    counted = store.runs.by_id(attempt.id)
    assert counted and counted.infrastructure_retries == 1


def test_of_many_that_add_the_same_launch_one_does(make_store: Callable[[], PostgresStore]) -> None:
    stores = [make_store() for _ in range(4)]
    attempt = intake(stores[0])

    def add(store: PostgresStore) -> bool:
        return store.launches.add(attempt.id, seq=1, selection=["merge"], reason="r", costs_retry=True) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, stores)) == 1


def test_a_request_is_open_until_it_is_handled_and_handled_once(store: PostgresStore) -> None:
    attempt = intake(store)
    stop = store.requests.add(attempt.id, kind="stop", by="alice")
    approve = store.requests.add(attempt.id, kind="approve", by="bob", sha=sha("a"), text="fine")
    assert store.requests.open(attempt.id) == (stop, approve)
    store.requests.handle(stop.id)
    handled = store.requests.of(attempt.id)[0].handled_at
    store.requests.handle(stop.id)
    assert store.requests.open(attempt.id) == (approve,)
    assert store.requests.of(attempt.id)[0].handled_at == handled is not None
    assert (approve.by, approve.sha, approve.text) == ("bob", sha("a"), "fine")
