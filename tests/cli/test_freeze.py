"""Freezing and unfreezing by command, and where a freeze shows."""

import json
from datetime import timedelta

import psycopg
import pytest
from store_fixtures import TO_MERGE_READY, intake, walk

from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.services.store.address import libpq_url


def test_a_freeze_says_who_since_when_why_and_how_it_ends(oneshot):
    said = oneshot("freeze", "--reason", "a release", "--repository", "acme/Shop")
    assert said.code == 0, said
    assert said.out.startswith("merges are frozen in acme/shop (by grace at 20")
    assert said.out.endswith("UTC): a release; `oneshot unfreeze --repository acme/shop` lifts it\n")


def test_status_explain_and_doctor_show_it_until_it_is_lifted(oneshot, store):
    intake(store, "acme/shop#2")
    oneshot("freeze", "--reason", "an incident")
    words = "merges are frozen in all repositories (by grace"
    assert words in oneshot("status").out
    assert words in oneshot("status", "acme/shop#2").out
    assert words in json.loads(oneshot("status", "acme/shop#2", "--json").out)["frozen"][0]
    assert words in oneshot("explain", "acme/shop#2").out
    shown = next(line for line in oneshot("doctor").out.splitlines() if words in line)
    assert shown.split()[:2] == ["ok", "merges"]
    lifted = oneshot("unfreeze")
    assert (lifted.code, words in lifted.out) == (0, True)
    assert words not in oneshot("status", "acme/shop#2").out + oneshot("explain", "acme/shop#2").out


def test_a_stopped_lane_is_red_and_its_sentence_tells_how_to_go_on(oneshot, store):
    store.freezes.set("acme/shop", reason="acme/shop#2 landed as another tree", by="oneshot", lane=True)
    shown = next(line for line in oneshot("doctor").out.splitlines() if "the lane of acme/shop is stopped" in line)
    assert shown.split()[0] == "fail"
    assert "`oneshot unfreeze --repository acme/shop`" in shown
    assert oneshot("unfreeze", "--repository", "acme/shop").code == 0
    assert "nothing is frozen" in oneshot("doctor").out


def test_lifting_one_leaves_and_names_the_others(oneshot):
    oneshot("freeze", "--reason", "an incident")
    oneshot("freeze", "--reason", "a release", "--repository", "acme/shop")
    said = oneshot("unfreeze", "--repository", "acme/shop")
    assert [line.partition(" (")[0] for line in said.out.splitlines()] == [
        "lifted: merges are frozen in acme/shop",
        "still: merges are frozen in all repositories",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("freeze", "--reason", " "), "no reason"),
        (("freeze", "--reason", "x", "--repository", "nonsense"), "nonsense"),
        (("unfreeze",), "nothing that is frozen"),
    ],
)
def test_what_means_nothing_is_refused(oneshot, arguments, why):
    said = oneshot(*arguments)
    assert said.code == 2
    assert why in said.err


def test_lifting_wakes_what_waits_there_and_nothing_else(oneshot, store, store_url):
    now = store.now()
    for key in ("acme/shop#2", "acme/tools#3"):
        attempt = walk(store, intake(store, key), *TO_MERGE_READY)
        store.runs.park(attempt.id, Awaited(what="merge", since=now, deadline=now + timedelta(days=1)), reason="held")
    oneshot("freeze", "--reason", "a release", "--repository", "acme/shop")
    oneshot("unfreeze", "--repository", "acme/shop")
    woken = "select r.repository from codex_judge.looks l join codex_judge.runs r on r.id = l.run_id where woken_at is not null"
    with psycopg.connect(libpq_url(store_url)) as connection:
        assert connection.execute(woken).fetchall() == [("acme/shop",)]
