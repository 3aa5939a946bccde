"""Claims about what a person may type for a change."""

import pytest
from store_fixtures import intake

EVERY = (
    ("status",),
    ("explain",),
    ("logs",),
    ("diff",),
    ("stop",),
    ("snapshot", "refresh"),
    ("evidence", "verify"),
)


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
@pytest.mark.parametrize("key", ["Acme/Shop#2", "acme/shop#02", "acme/../x#1", "-x#1/#"])
def test_a_malformed_key_is_refused_in_one_sentence(oneshot, command, key):
    said = oneshot(*command, "--", key)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert repr(key) in said.err
    assert "owner/repo#N" in said.err


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_a_key_of_no_change_is_refused_with_what_to_do(oneshot, command):
    said = oneshot(*command, "acme/shop#9")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "acme/shop#9" in said.err
    assert "oneshot list" in said.err


def test_the_number_of_a_pull_request_leads_to_its_change_and_that_is_said(oneshot, store):
    store.runs.update(intake(store).id, {"pr_number": 7})
    said = oneshot("status", "acme/shop#7")
    assert said.code == 0
    assert said.out.splitlines()[0].split()[:2] == ["change", "acme/shop#2"]
    assert said.err == "acme/shop#7 is the pull request of acme/shop#2\n"


def test_an_attempt_that_there_never_was_is_refused_with_those_that_are(oneshot, store):
    intake(store)
    said = oneshot("status", "acme/shop#2", "--attempt", "3")
    assert said.code == 2
    assert "attempts 1" in said.err


def test_a_database_that_is_away_is_one_line_and_not_wrong_input(oneshot, environment):
    environment["ONESHOT_DATABASE_URL"] = "postgresql://nobody:secret@127.0.0.1:1/none"
    said = oneshot("list")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "secret" not in said.err


def test_without_any_database_the_sentence_says_how_to_get_one(oneshot, environment):
    environment["ONESHOT_DATABASE_URL"] = None
    said = oneshot("list")
    assert said.code == 2
    assert "make dev" in said.err
