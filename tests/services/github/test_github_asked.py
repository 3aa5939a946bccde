"""Where people may have asked something, read from the forge."""

from datetime import UTC, datetime, timedelta

from oneshot_dagster.local.forge.client import ForgeClient

EVER = datetime(2020, 1, 1, tzinfo=UTC)


def ahead():
    return datetime.now(UTC) + timedelta(hours=1)


def test_labelled_issues_are_the_open_ones_of_that_label(shop):
    other = shop.owner.create_issue(shop.name, "Other", "", ["bug"])["number"]
    closed = shop.owner.create_issue(shop.name, "Done", "", ["oneshot"])["number"]
    shop.owner.api("PATCH", shop.name, f"/issues/{closed}", {"state": "closed"})
    assert [issue.number for issue in shop.github.labelled_issues(shop.name, "oneshot")] == [shop.issue]
    assert [issue.number for issue in shop.github.issues_since(shop.name, EVER)] == [shop.issue, other, closed]


def test_what_did_not_change_since_is_not_told(shop):
    assert shop.github.issues_since(shop.name, ahead()) == ()
    assert shop.github.comments_since(shop.name, ahead()) == ()


def test_a_pull_request_is_no_issue_and_its_comments_are_told_with_its_number(shop):
    number, _ = shop.open_pull()
    shop.owner.comment(shop.name, number, "on the pull request")
    shop.owner.comment(shop.name, shop.issue, "on the issue")
    assert [issue.number for issue in shop.github.issues_since(shop.name, EVER)] == [shop.issue]
    told = shop.github.comments_since(shop.name, EVER)
    assert [(c.number, c.body, c.author, c.by_bot) for c in told] == [
        (number, "on the pull request", "acme", False),
        (shop.issue, "on the issue", "acme", False),
    ]


def test_all_pages_are_read_in_the_order_of_making(shop):
    for n in range(101):
        shop.owner.comment(shop.name, shop.issue, f"number {n}")
    told = shop.github.comments_since(shop.name, EVER)
    assert [c.body for c in told] == [f"number {n}" for n in range(101)]


def test_a_bot_is_told_from_a_person(shop):
    app = shop.owner.create_app("helper", "acme", {"issues": "write"})
    bot = ForgeClient(shop.owner.url, app["token"])
    bot.comment(shop.name, shop.issue, "/oneshot")
    bot.close()
    (told,) = shop.github.comments_since(shop.name, EVER)
    assert (told.author, told.by_bot) == ("helper[bot]", True)


def test_the_last_edit_of_an_issue_names_who_made_it(shop):
    assert shop.github.last_edit(shop.name, shop.issue) is None
    shop.as_("ann").api("PATCH", shop.name, f"/issues/{shop.issue}", {"title": "Another title"})
    assert shop.github.last_edit(shop.name, shop.issue) is None
    shop.as_("ann").api("PATCH", shop.name, f"/issues/{shop.issue}", {"body": "another text"})
    edit = shop.github.last_edit(shop.name, shop.issue)
    assert edit is not None
    assert edit.editor == "ann"
    assert shop.github.last_edit(shop.name, 9999) is None
