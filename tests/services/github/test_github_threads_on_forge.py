"""Review threads and reviews with their words, against the forge."""


def test_a_threads_whole_conversation_is_read_with_its_place_and_who_said_it(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why?")
    (thread,) = shop.github.threads(shop.name, number)
    shop.github.reply_to_thread(shop.name, thread.thread_id, "because")
    shop.github.resolve_thread(shop.name, thread.thread_id)
    (thread,) = shop.github.threads(shop.name, number)
    assert (thread.path, thread.line, thread.is_resolved) == ("greeting", 1, True)
    assert [(c.author, c.body) for c in thread.comments] == [("ann", "why?"), (shop.github.login, "because")]
    assert all(f"/pull/{number}#discussion_r" in c.url for c in thread.comments)


def test_every_thread_is_read_also_beyond_one_page(shop):
    number, _ = shop.open_pull()
    for count in range(52):
        shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body=f"word {count}")
    said = [thread.comments[0].body for thread in shop.github.threads(shop.name, number)]
    assert said == [f"word {count}" for count in range(52)]


def test_of_reviews_those_that_say_something_are_read_with_the_head_that_they_are_of(shop):
    number, sha = shop.open_pull()
    ann = shop.as_("ann")
    ann.review(shop.name, number, "APPROVE")
    ann.review(shop.name, number, "REQUEST_CHANGES", "Not yet.")
    (text,) = shop.github.review_texts(shop.name, number)
    assert (text.author, text.state, text.body, text.commit_sha) == ("ann", "CHANGES_REQUESTED", "Not yet.", sha)


def test_who_has_write_access_is_told_of_threads_as_of_reviews(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why?")
    shop.as_("eve").open_thread(shop.name, number, path="greeting", line=1, body="me too")
    known = {thread.author: thread.has_write_access for thread in shop.facts(number).threads}
    assert known == {"ann": True, "eve": False}
