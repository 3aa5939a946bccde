"""Merges in GitHub's own time, and refusals in its own words, by the client on the forge."""

import time

import pytest

from oneshot_dagster.services.github.protocol import AsyncMerge


@pytest.fixture(autouse=True)
def offered(shop):
    shop.owner.set_merge_async(offered=True, delay=0.0)
    yield
    shop.owner.set_merge_async(offered=True, delay=0.0)


def ask(shop, number, sha) -> AsyncMerge:
    return shop.github.merge_async(shop.name, number, sha=sha, method="squash", title="Greet", message="m")


def ended(shop, number, uuid) -> AsyncMerge:
    deadline = time.monotonic() + 20
    while (answer := shop.github.merge_async_result(shop.name, number, uuid)).state == "pending":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer


def test_a_merge_is_asked_for_and_lands_later(shop):
    number, sha = shop.open_pull()
    asked = ask(shop, number, sha)
    assert (asked.state, asked.sha) == ("pending", None)
    answer = ended(shop, number, asked.uuid)
    assert (answer.state, answer.sha) == ("merged", shop.owner.branch_sha(shop.name, "main"))
    again = ask(shop, number, sha)
    assert (again.state, again.sha) == ("merged", answer.sha)


def test_a_second_request_is_told_of_the_first(shop):
    shop.owner.set_merge_async(delay=60.0)
    number, sha = shop.open_pull()
    first, second = ask(shop, number, sha), ask(shop, number, sha)
    assert (second.state, second.uuid) == ("existing", first.uuid)


def test_rules_are_judged_when_it_is_done(shop):
    number, sha = shop.open_pull()
    shop.owner.set_protection(shop.name, "main", contexts=["ci"])
    answer = ended(shop, number, ask(shop, number, sha).uuid)
    assert (answer.state, answer.sha) == ("failed", None)
    assert "ci" in answer.message
    assert shop.github.pull(shop.name, number).open


def test_a_draft_or_an_unknown_request_is_refused_at_once(shop):
    number, sha = shop.open_pull()
    assert shop.github.merge_async_result(shop.name, number, "no-such-request").state == "not_offered"
    shop.owner.api("PATCH", shop.name, f"/pulls/{number}", {"state": "closed"})
    assert ask(shop, number, sha).state == "refused"


def test_a_server_without_it_says_so(shop):
    shop.owner.set_merge_async(offered=False)
    number, sha = shop.open_pull()
    assert ask(shop, number, sha).state == "not_offered"


def test_refusals_of_rules_and_settings_are_told_apart(shop):
    number, sha = shop.open_pull()
    shop.owner.set_protection(shop.name, "main", contexts=["no-conflict"], approvals=1)
    asked = {"sha": sha, "title": "t", "message": "m"}
    assert shop.github.merge(shop.name, number, method="squash", **asked).why == "rules"
    shop.owner.api("PATCH", shop.name, "", {"allow_squash_merge": False})
    assert shop.github.merge(shop.name, number, method="squash", **asked).why == "method_not_allowed"


def test_a_thread_is_answered(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why?")
    (thread,) = shop.facts(number).threads
    url = shop.github.reply_to_thread(shop.name, thread.thread_id, "because")
    assert f"/pull/{number}#discussion_r" in url


QUEUE = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 10,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 1,
        "max_entries_to_merge": 1,
        "merge_method": "SQUASH",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 0,
    },
}


def test_merging_what_is_merged_is_refused_at_once_and_answered_with_its_commit_in_its_own_time(shop):
    number, sha = shop.open_pull()
    asked = {"sha": sha, "method": "squash", "title": "t", "message": "m"}
    first = shop.github.merge(shop.name, number, **asked)
    again = shop.github.merge(shop.name, number, **asked)
    assert (first.merged, again.merged, again.status, again.why) == (True, False, 405, "not_mergeable")
    later = ask(shop, number, sha)
    assert (later.state, later.sha) == ("merged", first.sha)


def test_a_failed_request_says_why_in_the_words_of_a_refusal(shop):
    shop.owner.set_merge_async(delay=3600.0)
    number, sha = shop.open_pull()
    uuid = ask(shop, number, sha).uuid
    shop.owner.api("PATCH", shop.name, "", {"allow_squash_merge": False})
    shop.owner.set_merge_async()
    answer = ended(shop, number, uuid)
    shop.owner.api("PATCH", shop.name, "", {"allow_squash_merge": True})
    assert (answer.state, answer.why) == ("failed", "method_not_allowed")


def test_a_base_without_a_queue_has_none_and_takes_nothing_into_it(shop):
    number, sha = shop.open_pull()
    standing = shop.github.merge_queue(shop.name, number)
    assert (standing.enabled, standing.queued, standing.merged) == (False, False, False)
    refused = shop.github.enqueue(shop.name, number, sha=sha)
    assert refused.state == "refused"
    assert "does not have a merge queue" in refused.message


def test_a_queue_of_classic_protection_is_told_by_graphql_alone_and_seen(shop):
    number, sha = shop.open_pull()
    assert not shop.facts(number).merge_queue
    shop.owner.set_merge_queue(shop.name, "main")
    assert shop.facts(number).merge_queue
    assert shop.owner.api("GET", shop.name, "/rules/branches/main") == []
    refused = shop.github.merge(shop.name, number, sha=sha, method="squash", title="t", message="m")
    assert (refused.merged, refused.why) == (False, "queue_required")


def test_a_pull_request_enters_the_queue_at_its_head_alone_and_shows_there(shop):
    number, sha = shop.open_pull()
    shop.owner.add_ruleset(shop.name, QUEUE)
    shop.owner.require_checks(shop.name, "never")
    assert shop.github.merge_queue(shop.name, number).enabled
    other = shop.github.enqueue(shop.name, number, sha="1" * 40)
    assert (other.state, other.why) == ("refused", "head_moved")
    shop.owner.api("POST", shop.name, f"/statuses/{sha}", {"state": "success", "context": "never"})
    assert shop.github.enqueue(shop.name, number, sha=sha).state == "enqueued"
    standing = shop.github.merge_queue(shop.name, number)
    assert (standing.queued, standing.merged) == (True, False)
    refused = shop.github.merge(shop.name, number, sha=sha, method="squash", title="t", message="m")
    assert (refused.merged, refused.why) == (False, "queue_required")
