"""The forge's webhooks: how they are signed and sent, and that they come twice, late, never or out of order."""

import hashlib
import hmac
import itertools
import sqlite3
import threading

import httpx
import pytest
from forge_world import SHOP
from hook_ear import SECRET, Ear, app_that_listens

from oneshot_dagster.domain.webhook import is_signed
from oneshot_dagster.local.forge.client import ForgeError

API = f"/api/v3/repos/{SHOP}"


def test_a_hook_is_pinged_and_a_delivery_is_signed_over_its_raw_body(forge, hook, ear):
    forge.oneshot.create_issue(SHOP, "Grüße an alle")
    heard = ear.wait("issues opened")
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(SECRET.encode(), heard.body, "sha256").hex()
    assert heard.headers["x-hub-signature"] == "sha1=" + hmac.new(SECRET.encode(), heard.body, hashlib.sha1).hexdigest()
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert heard.headers["x-github-hook-id"] == str(hook)
    assert "Grüße".encode() in heard.body
    assert heard.payload["sender"]["login"] == "oneshot"
    assert ear.misfits() == {}


def test_only_the_events_that_were_asked_for_come_and_none_while_it_is_off(forge, shop, ear):
    hook = forge.ada.add_hook(SHOP, ear.url, secret=SECRET, events=["issues"])["id"]
    number = forge.ada.create_issue(SHOP, "One")["number"]
    forge.ada.comment(SHOP, number, "unheard")
    forge.ada.api("PATCH", SHOP, f"/hooks/{hook}", {"active": False})
    forge.ada.create_issue(SHOP, "Two")
    forge.ada.api("PATCH", SHOP, f"/hooks/{hook}", {"active": True, "add_events": ["issue_comment"]})
    forge.ada.comment(SHOP, number, "heard")
    ear.wait("issue_comment created")
    assert [h.name for h in ear.heard] == ["ping", "issues opened", "issue_comment created"]


def test_a_failed_delivery_is_not_sent_again_until_somebody_asks_and_keeps_its_guid(forge, hook, ear):
    ear.status = 503
    forge.ada.create_issue(SHOP, "One")
    first = ear.wait("issues opened")
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 2)
    failed = forge.ada.hook_deliveries(SHOP, hook)[0]
    assert (failed["status"], failed["status_code"], failed["redelivery"]) == ("Invalid HTTP Response: 503", 503, False)
    assert len(ear.named("issues opened")) == 1
    ear.status = 200
    forge.ada.api("POST", SHOP, f"/hooks/{hook}/deliveries/{failed['id']}/attempts")
    again = ear.wait("issues opened", 2)
    assert (again.guid, again.body) == (first.guid, first.body) == (failed["guid"], again.body)
    ear.until(lambda: forge.ada.hook_deliveries(SHOP, hook)[0]["redelivery"] is True)
    found = forge.ada.api("GET", SHOP, f"/hooks/{hook}/deliveries/{failed['id']}")
    assert found["request"]["payload"] == first.payload
    assert found["request"]["headers"]["X-GitHub-Delivery"] == first.guid


def test_nobody_listening_is_a_failed_delivery(forge, shop):
    closed = Ear().listen()
    hook = forge.ada.add_hook(SHOP, closed.url, secret=SECRET)["id"]
    closed.close()
    forge.ada.create_issue(SHOP, "One")
    closed.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 2)
    newest = forge.ada.hook_deliveries(SHOP, hook)[0]
    assert (newest["status"], newest["status_code"]) == ("failed to connect to host", 502)


def test_held_deliveries_go_in_the_order_in_which_they_are_let_go(forge, hook, ear):
    forge.ada.set_hooks(held=True)
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    one, two, three = (d["id"] for d in forge.ada.waiting_deliveries())
    forge.ada.release_deliveries(three, one)
    ear.wait("issues opened", 2)
    forge.ada.set_hooks()
    ear.wait("issues opened", 3)
    assert [h.payload["issue"]["title"] for h in ear.heard[1:]] == ["Three", "One", "Two"]
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 4)
    assert [d["id"] for d in forge.ada.hook_deliveries(SHOP, hook)][:3] == [three, two, one]


def test_deliveries_come_twice_or_never_when_told_so(forge, hook, ear):
    forge.ada.set_hooks(duplicate=1)
    forge.ada.create_issue(SHOP, "Twice")
    ear.wait("issues opened", 2)
    forge.ada.set_hooks(drop=1)
    forge.ada.create_issue(SHOP, "Never")
    forge.ada.create_issue(SHOP, "Once")
    ear.wait("issues opened", 3)
    titles = [h.payload["issue"]["title"] for h in ear.heard[1:]]
    assert titles == ["Twice", "Twice", "Once"]
    assert ear.heard[1].guid == ear.heard[2].guid
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 4)
    assert [d["status"] for d in forge.ada.hook_deliveries(SHOP, hook)][:2] == ["OK", "failed to connect to host"]


def test_a_killed_forge_sends_at_its_next_start_what_it_had_not_sent(forge, hook, ear):
    forge.ada.set_hooks(held=True)
    forge.ada.create_issue(SHOP, "One")
    forge.ada.create_issue(SHOP, "Two")
    assert len(forge.ada.waiting_deliveries()) == 2
    forge.kill()
    forge.start()
    ear.wait("issues opened", 2)
    assert [h.payload["issue"]["title"] for h in ear.heard[1:]] == ["One", "Two"]


def test_a_receiver_that_does_not_answer_keeps_back_no_request_and_no_other_hook(forge, hook, ear):
    ear.answers.clear()
    other = Ear().listen()
    forge.ada.add_hook(SHOP, other.url, secret=SECRET, events=["issues"])
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    other.wait("issues opened", 3)
    ear.wait("issues opened")
    assert [h.payload["issue"]["title"] for h in ear.named("issues opened")] == ["One"]
    ear.answers.set()
    ear.wait("issues opened", 3)
    assert [h.payload["issue"]["title"] for h in ear.named("issues opened")] == ["One", "Two", "Three"]
    other.close()


def test_deliveries_are_forgotten_after_days(forge, hook, ear):
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 1)
    forge.end()
    with sqlite3.connect(forge.home / "world.sqlite") as world:
        old = "update records set body = json_set(body, '$.sent_at', '2020-01-01T00:00:00Z') where kind = 'Delivery'"
        assert world.execute(old).rowcount == 1
    forge.start()
    assert forge.ada.hook_deliveries(SHOP, hook) == []


def test_a_hook_is_for_admins_for_loopback_and_once(forge, shop, ear):
    forge.ada.add_hook(SHOP, ear.url, secret=SECRET)
    for client, url, status in ((forge.oneshot, ear.url, 403), (forge.ada, "http://example.org/x", 422)):
        with pytest.raises(ForgeError) as refused:
            client.add_hook(SHOP, url, secret=SECRET)
        assert refused.value.status == status
    with pytest.raises(ForgeError, match="Hook already exists on this repository"):
        forge.ada.add_hook(SHOP, ear.url, secret=SECRET)


def test_a_secret_is_never_shown_and_a_hook_that_is_gone_tells_nothing(forge, hook, ear):
    shown = forge.ada.api("GET", SHOP, f"/hooks/{hook}")
    assert shown["config"]["secret"] == "********"
    forge.ada.api("POST", SHOP, f"/hooks/{hook}/pings")
    ear.wait("ping", 2)
    forge.ada.api("DELETE", SHOP, f"/hooks/{hook}")
    forge.ada.create_issue(SHOP, "One")
    assert forge.ada.api("GET", SHOP, "/hooks") == []
    assert [h.name for h in ear.heard] == ["ping", "ping"]


def test_deliveries_are_paged_by_a_cursor(forge, hook, ear):
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 4)
    whole = [d["id"] for d in forge.ada.hook_deliveries(SHOP, hook)]
    seen, url = [], f"{forge.url}{API}/hooks/{hook}/deliveries?per_page=3"
    while url:
        page = httpx.get(url, headers={"authorization": f"Bearer {forge.ada.token}"}, timeout=20)
        seen.append([d["id"] for d in page.json()])
        url = page.links.get("next", {}).get("url")
    assert [len(page) for page in seen] == [3, 1]
    assert list(itertools.chain(*seen)) == whole


def test_an_app_hears_its_repositories_with_its_installation_in_each_payload(forge, shop, ear):
    app = app_that_listens(forge, ear, "issues", "check_run")
    forge.ada.create_repository("acme/other")
    forge.ada.create_issue("acme/other", "Not yours")
    forge.ada.create_issue(SHOP, "Yours")
    heard = ear.wait("issues opened")
    assert heard.payload["issue"]["title"] == "Yours"
    assert heard.payload["installation"]["id"] == app.installation
    secret = app.made["webhook_secret"].encode()
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(secret, heard.body, "sha256").hex()
    app.bot().api("POST", SHOP, "/check-runs", {"name": "oneshot", "head_sha": shop.head()})
    assert ear.wait("check_run created").payload["sender"]["login"] == f"{app.slug}[bot]"
    assert ear.misfits() == {}


def test_an_app_finds_what_failed_and_has_it_delivered_again(forge, shop, ear):
    app = app_that_listens(forge, ear, "issues")
    ear.wait("installation created")
    ear.status = 500
    forge.ada.create_issue(SHOP, "Lost")
    first = ear.wait("issues opened")
    itself, own = app.itself(), "/api/v3/app/hook/deliveries"
    ear.until(lambda: [d for d in itself.ask("GET", own) if d["status"] != "OK"])
    failed = next(d for d in itself.ask("GET", own) if d["status"] != "OK")
    assert (failed["guid"], failed["installation_id"]) == (first.guid, app.installation)
    ear.status = 202
    itself.ask("POST", f"{own}/{failed['id']}/attempts")
    assert ear.wait("issues opened", 2).guid == first.guid
    assert itself.ask("GET", f"{own}/{failed['id']}")["response"]["payload"] == "ok"


def test_a_form_carries_the_same_payload(forge, shop, ear):
    config = {"url": ear.url, "content_type": "form", "secret": SECRET}
    forge.ada.api("POST", SHOP, "/hooks", {"config": config, "events": ["issues"]})
    ear.until(lambda: bool(ear.heard))
    heard = ear.heard[0]
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert httpx.QueryParams(heard.body.decode())["payload"].startswith('{"zen":')
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(SECRET.encode(), heard.body, "sha256").hex()


def test_many_writers_at_once_are_told_in_the_order_of_their_numbers(forge, hook, ear):
    writers = [threading.Thread(target=forge.ada.create_issue, args=(SHOP, f"No {i}")) for i in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ear.wait("issues opened", 8)
    assert [h.payload["issue"]["number"] for h in ear.named("issues opened")] == list(range(1, 9))


def test_our_own_receiver_knows_the_signature_of_a_hook_and_refuses_another_secret(forge, hook, ear):
    forge.ada.create_issue(SHOP, "One")
    heard = ear.wait("issues opened")
    signature = heard.headers["x-hub-signature-256"]
    assert is_signed(SECRET.encode(), heard.body, signature)
    assert not is_signed(b"another", heard.body, signature)


def test_a_hook_whose_secret_was_changed_signs_with_the_new_one(forge, hook, ear):
    forge.ada.api(
        "PATCH", SHOP, f"/hooks/{hook}", {"config": {"url": ear.url, "content_type": "json", "secret": "new"}}
    )
    forge.ada.create_issue(SHOP, "One")
    heard = ear.wait("issues opened")
    assert is_signed(b"new", heard.body, heard.headers["x-hub-signature-256"])
