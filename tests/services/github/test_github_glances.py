"""A glance differs where anything differs that a gate depends on, and only there; many are one query."""

from forge_shop import Shop

NOBODY = ("acme/nowhere", 9)


def glance(shop: Shop, number: int) -> str:
    return shop.github.glances([(shop.name, number)])[shop.name, number]


def test_what_a_gate_depends_on_shows_at_a_glance(shop: Shop) -> None:
    number, sha = shop.open_pull()
    status = {"state": "pending", "context": "lint"}
    news = {
        "check": lambda: shop.report(sha, "ci", "success"),
        "status": lambda: shop.owner.api("POST", shop.name, f"/statuses/{sha}", status),
        "review": lambda: shop.as_("ann").review(shop.name, number, "APPROVE"),
        "thread": lambda: shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why"),
        "label": lambda: shop.owner.label(shop.name, number, "do-not-automerge"),
        "push": lambda: shop.commit("codex/issue-1", "greeting", "hello\n"),
        "close": lambda: shop.owner.api("PATCH", shop.name, f"/pulls/{number}", {"state": "closed"}),
        "reopen": lambda: shop.owner.api("PATCH", shop.name, f"/pulls/{number}", {"state": "open"}),
        "merge": lambda: shop.owner.merge_as_person(shop.name, number),
    }
    for what, happens in news.items():
        before = glance(shop, number)
        assert glance(shop, number) == before
        happens()
        assert glance(shop, number) != before, what


def test_a_check_that_was_running_and_ends_shows(shop: Shop) -> None:
    number, sha = shop.open_pull()
    body = {"name": "ci", "head_sha": sha, "status": "in_progress"}
    check = shop.reporters["ci-runner"].api("POST", shop.name, "/check-runs", body)
    before = glance(shop, number)

    done = {"status": "completed", "conclusion": "success"}
    shop.reporters["ci-runner"].api("PATCH", shop.name, f"/check-runs/{check['id']}", done)

    assert glance(shop, number) != before


def test_our_own_check_and_words_do_not_show(shop: Shop) -> None:
    number, sha = shop.open_pull()
    shop.report(sha, "ci", "success")
    before = glance(shop, number)

    shop.report(sha, "oneshot", "success", who="oneshot")
    shop.owner.comment(shop.name, number, "a word")

    assert glance(shop, number) == before


def test_a_resolved_thread_shows(shop: Shop) -> None:
    number, _ = shop.open_pull()
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why")
    (thread,) = shop.facts(number).threads
    before = glance(shop, number)

    shop.github.resolve_thread(shop.name, thread.thread_id)

    assert glance(shop, number) != before


def test_what_is_gone_hides_nobody_else(shop: Shop) -> None:
    number, _ = shop.open_pull()

    found = shop.github.glances([NOBODY, (shop.name, number), (shop.name, number + 50)])

    assert set(found) == {NOBODY, (shop.name, number), (shop.name, number + 50)}
    assert found[shop.name, number] == glance(shop, number)
    assert found[NOBODY] == found[shop.name, number + 50] != found[shop.name, number]


def test_sixty_pull_requests_are_three_queries(shop: Shop) -> None:
    number, _ = shop.open_pull()
    shop.github.glances([(shop.name, number)])
    shop.owner.clear_requests()

    found = shop.github.glances([(shop.name, number + place) for place in range(60)])

    assert len(found) == 60
    assert [r["path"] for r in shop.owner.requests() if r["login"] == "oneshot"] == ["/api/graphql"] * 3
