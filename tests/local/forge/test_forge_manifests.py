"""From a manifest to an App that is installed, as a browser does it."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from app_world import VERSION, MadeApp
from forge_world import SHOP

from oneshot_dagster.local.forge.manifests import convert
from oneshot_dagster.local.forge.records import AppDraft
from oneshot_dagster.local.forge.world import World, now

BACK = "http://127.0.0.1:4567/github/callback"
MANIFEST = {
    "name": "Oneshot of Acme",
    "url": "https://example.org/oneshot",
    "redirect_url": BACK,
    "hook_attributes": {"url": "https://example.org/webhooks/github", "active": True},
    "default_permissions": {"contents": "write", "pull_requests": "write", "issues": "read"},
    "default_events": ["pull_request", "push", "issue_comment"],
}


@pytest.fixture
def browser(forge, shop):
    with httpx.Client(base_url=forge.url, headers={"origin": forge.url, **VERSION}) as client:
        yield client


def hidden(page: str, name: str) -> str:
    return unescape(re.search(rf'name="{name}" value="([^"]*)"', page).group(1))


def asked(browser, manifest=MANIFEST, *, place="/settings", state="s&1", **named):
    path = f"{place}/apps/new"
    return browser.post(path, params={"state": state}, data={"manifest": json.dumps(manifest)}, **named)


def agreed(browser, manifest=MANIFEST, *, place="/settings"):
    page = asked(browser, manifest, place=place).text
    form = {name: hidden(page, name) for name in ("manifest", "state", "name")}
    return browser.post(f"{place}/apps", data=form)


def code_of(answer) -> str:
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def converted(browser, code):
    return browser.post(f"/api/v3/app-manifests/{code}/conversions")


def test_a_manifest_becomes_an_app_that_signs_with_the_key_it_was_given(forge, browser):
    answer = agreed(browser)
    assert answer.headers["location"].startswith(f"{BACK}?code=")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["s&1"]
    made = converted(browser, code_of(answer))
    assert made.status_code == 201
    app = made.json()
    assert (app["slug"], app["owner"]["login"], app["events"]) == ("oneshot-of-acme", "ada", MANIFEST["default_events"])
    assert app["permissions"] == {"metadata": "read", **MANIFEST["default_permissions"]}
    assert {"client_id", "client_secret", "webhook_secret", "pem", "html_url"} <= app.keys()
    itself = MadeApp(forge, {"app": app, "pem": app["pem"]}).itself()
    assert itself.ask("GET", "/api/v3/app")["installations_count"] == 0


def test_a_code_works_once(browser):
    code = code_of(agreed(browser))
    assert converted(browser, code).status_code == 201
    assert converted(browser, code).status_code == 404
    assert converted(browser, "0" * 40).status_code == 404


def test_a_code_is_worth_an_hour(tmp_path):
    world = World(tmp_path / "world.sqlite")
    for code, created_at in (("old", "2020-01-01T00:00:00Z"), ("fresh", now())):
        world.put(AppDraft(id=world.next_id(), code=code, owner="ada", manifest=MANIFEST, created_at=created_at))
    assert convert(world, "old") is None
    assert convert(world, "fresh").app.owner == "ada"


def test_an_organisation_may_own_it(browser):
    made = converted(browser, code_of(agreed(browser, place="/organizations/acme/settings"))).json()
    assert made["owner"]["login"] == "acme"


def test_a_page_elsewhere_may_ask_and_only_ours_may_agree(browser, forge):
    elsewhere = {"origin": "http://127.0.0.1:4567"}
    assert asked(browser, headers=elsewhere).status_code == 200
    assert browser.post("/settings/apps", data={"manifest": "{}"}, headers=elsewhere).status_code == 403
    assert httpx.post(f"{forge.url}/settings/apps", data={"manifest": "{}"}).status_code == 403
    assert asked(browser, headers={"host": "evil.example"}).status_code == 403


def test_the_page_lets_its_form_lead_to_the_redirect_and_nowhere_else(browser):
    policy = asked(browser).headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:4567;" in policy
    odd = asked(browser, {**MANIFEST, "redirect_url": "http://a.example; script-src *"})
    assert "script-src" not in odd.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "Name must be given"),
        ({"url": ""}, "url must be an http or https URL"),
        ({"redirect_url": ""}, "Redirect url must be given"),
        ({"redirect_url": "javascript:alert(1)"}, "redirect_url must be an http or https URL"),
        ({"hook_attributes": {"active": True}}, "Hook url must be given"),
        ({"default_permissions": {"content": "write"}}, "not included in the list: content"),
        ({"default_events": ["check_run"]}, "Default events unsupported: check_run"),
        ({"default_events": ["pull"]}, "Default events unsupported: pull"),
    ],
)
def test_a_manifest_that_makes_no_app_says_why(browser, wrong, said):
    answer = asked(browser, MANIFEST | wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert "<button" not in answer.text


def test_a_name_is_taken_once(browser):
    converted(browser, code_of(agreed(browser)))
    assert "Name has already been taken" in asked(browser).text
    assert converted(browser, code_of(agreed(browser, {**MANIFEST, "name": "Another"}))).json()["slug"] == "another"


@pytest.fixture
def app(forge, browser):
    forge.ada.create_repository("acme/other")
    made = converted(browser, code_of(agreed(browser))).json()
    return MadeApp(forge, {"app": made, "pem": made["pem"]})


def install(browser, app, **form):
    return browser.post(f"/apps/{app.slug}/installations/new", data={"account": "acme", **form})


def test_an_app_is_installed_on_the_chosen_repositories(app, browser):
    assert "Install on acme" in browser.get(f"/apps/{app.slug}/installations/new").text
    assert install(browser, app, selection="selected", repository=["shop"]).headers["location"] == f"/apps/{app.slug}"
    home = app.itself().ask("GET", f"/api/v3/repos/{SHOP}/installation")
    assert home["repository_selection"] == "selected"
    assert app.itself().ask("GET", "/api/v3/app/installations")[0]["permissions"]["contents"] == "write"
    assert browser.get("/api/v3/user").status_code == 401


def test_a_second_installation_changes_the_first(app, browser):
    install(browser, app, selection="selected", repository=["shop"])
    install(browser, app, selection="all")
    (home,) = app.itself().ask("GET", "/api/v3/app/installations")
    assert home["repository_selection"] == "all"
    assert install(browser, app, selection="selected").status_code == 422


def test_after_the_installation_the_browser_is_sent_to_the_setup_url(forge, browser):
    made = converted(browser, code_of(agreed(browser, {**MANIFEST, "setup_url": "http://localhost:4567/setup"}))).json()
    answer = install(browser, MadeApp(forge, {"app": made}), selection="all", state="back")
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith("http://localhost:4567/setup?")
    assert (told["setup_action"], told["state"]) == (["install"], ["back"])
    assert forge.ada.violations() == []
