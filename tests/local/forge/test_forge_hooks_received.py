"""The forge's deliveries at our own receiver: what is kept of those that come twice, out of order or from a stranger."""

import socket
import threading

import psycopg
import pytest
import uvicorn
from forge_world import SHOP
from hook_ear import SECRET, until

from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.web.hooks import hooks_app


@pytest.fixture
def receiver(store):
    listener = socket.create_server(("127.0.0.1", 0))
    app = hooks_app(keep=store.events.add, secret=SECRET.encode)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/github"
    server.should_exit = True
    thread.join(20)
    listener.close()


def kept(store_url):
    with psycopg.connect(libpq_url(store_url)) as connection:
        return connection.execute(
            "select event_type, action, repository, issue_number, sender_login from jangar_github.events order by id"
        ).fetchall()


def answers(forge, hook):
    return [f"{d['event']} {d['status_code']}" for d in reversed(forge.ada.hook_deliveries(SHOP, hook))]


def test_what_comes_twice_and_out_of_order_is_kept_once_as_it_came(forge, shop, receiver, store_url):
    hook = forge.ada.add_hook(SHOP, receiver, secret=SECRET, events=["issues", "issue_comment"])["id"]
    until(lambda: answers(forge, hook) == ["ping 202"])
    forge.ada.set_hooks(held=True, duplicate=2)
    number = forge.oneshot.create_issue(SHOP, "One")["number"]
    forge.ada.comment(SHOP, number, "/oneshot")
    opened, commented = (d["id"] for d in forge.ada.waiting_deliveries())
    forge.ada.release_deliveries(commented, opened)
    until(lambda: sorted(answers(forge, hook)) == ["issue_comment 202", "issues 202", "ping 202"])
    assert kept(store_url) == [
        ("ping", None, SHOP, None, "ada"),
        ("issue_comment", "created", SHOP, number, "ada"),
        ("issues", "opened", SHOP, number, "oneshot"),
    ]


def test_a_delivery_signed_with_another_secret_fails_and_is_not_kept(forge, shop, receiver, store_url):
    hook = forge.ada.add_hook(SHOP, receiver, secret="another")["id"]
    until(lambda: answers(forge, hook) == ["ping 401"])
    assert kept(store_url) == []


def test_a_delivery_that_was_lost_is_kept_when_it_is_delivered_again(forge, shop, receiver, store_url):
    hook = forge.ada.add_hook(SHOP, receiver, secret=SECRET, events=["issues"])["id"]
    until(lambda: answers(forge, hook) == ["ping 202"])
    forge.ada.set_hooks(drop=1)
    number = forge.ada.create_issue(SHOP, "One")["number"]
    until(lambda: answers(forge, hook)[1:] == ["issues 502"])
    lost = forge.ada.hook_deliveries(SHOP, hook)[0]["id"]
    forge.ada.api("POST", SHOP, f"/hooks/{hook}/deliveries/{lost}/attempts")
    until(lambda: answers(forge, hook)[2:] == ["issues 202"])
    assert [row[:4] for row in kept(store_url)[1:]] == [("issues", "opened", SHOP, number)]
    assert forge.ada.violations() == []
