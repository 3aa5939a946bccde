"""GitHub Apps on the forge: JWTs, installations, their tokens, what they act as."""

import time

import httpx
import pytest
from app_world import WRITER, installed
from forge_world import SHOP, git
from githubkit import AppAuthStrategy, AppInstallationAuthStrategy, GitHub

from oneshot_dagster.local.forge.apps import new_keys
from oneshot_dagster.local.forge.client import ForgeClient, ForgeError

API, OTHER = f"/api/v3/repos/{SHOP}", "acme/other"


def refused(call, *arguments, **named):
    with pytest.raises(ForgeError) as error:
        call(*arguments, **named)
    return str(error.value)


@pytest.fixture
def app(forge, shop):
    return installed(forge)


def test_githubkit_acts_as_the_app_and_as_its_installation(forge, app):
    url = f"{forge.url}/api/v3/"
    key = (app.made["app"]["client_id"], app.made["pem"])
    itself = GitHub(AppAuthStrategy(*key), base_url=url, timeout=20, auto_retry=False, user_agent="by-hand")
    assert itself.rest.apps.get_authenticated().parsed_data.slug == "oneshot-bot"
    home = itself.rest.apps.get_repo_installation("acme", "shop").parsed_data
    assert (home.id, home.account.login, home.repository_selection) == (app.installation, "acme", "selected")
    bot = GitHub(
        AppInstallationAuthStrategy(*key, home.id), base_url=url, timeout=20, auto_retry=False, user_agent="by-hand"
    )
    issue = bot.rest.issues.create("acme", "shop", title="From the bot").parsed_data
    assert (issue.user.login, issue.user.type) == ("oneshot-bot[bot]", "Bot")
    assert forge.ada.violations() == []


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": 3600}, "'Expiration time' claim ('exp') is too far in the future"),
        ({"exp": -5}, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": None}, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"iat": 300}, "'Issued at' claim ('iat') must be an Integer"),
        ({"iat": None}, "'Issued at' claim ('iat') must be an Integer"),
        ({"iss": None}, "'Issuer' claim ('iss') must be an Integer"),
    ],
)
def test_a_jwt_with_a_wrong_claim_is_401_in_githubs_words(app, claims, said):
    """Times in seconds from now, which is when the test runs."""
    given = {name: None if offset is None else int(time.time()) + offset for name, offset in claims.items()}
    message = refused(app._client(app.jwt(**given)).ask, "GET", "/api/v3/app")
    assert message.startswith("401")
    assert said in message


def test_a_jwt_of_another_key_or_no_jwt_is_401_and_an_unknown_app_404(app, forge):
    foreign = app._client(app.jwt(key=new_keys().private))
    for client in (foreign, forge.ada, app.bot()):
        assert "401: " in (said := refused(client.ask, "GET", "/api/v3/app"))
        assert "A JSON web token could not be decoded" in said
    assert "Integration not found" in refused(app._client(app.jwt(iss="7")).ask, "GET", "/api/v3/app")
    assert refused(app.itself().ask, "GET", API).startswith("401")


def test_the_forge_keeps_no_private_key(app, forge):
    kept = b"".join(f.read_bytes() for f in forge.home.glob("world.sqlite*"))
    assert b"BEGIN PUBLIC KEY" in kept
    assert b"PRIVATE KEY" not in kept
    assert app.made["token"].encode() not in kept


def test_installations_are_found_by_list_number_repository_and_account(app):
    itself, home = app.itself(), app.installation
    assert [i["id"] for i in itself.ask("GET", "/api/v3/app/installations")] == [home]
    for path in (f"/app/installations/{home}", f"/repos/{SHOP}/installation", "/orgs/acme/installation"):
        assert itself.ask("GET", f"/api/v3{path}")["id"] == home
    for path in ("/app/installations/1", "/repos/acme/none/installation", "/users/ada/installation"):
        assert refused(itself.ask, "GET", f"/api/v3{path}").startswith("404")


def test_a_token_lasts_an_hour_and_may_be_for_less(app):
    whole, less = app.token(), app.token(permissions={"issues": "read"}, repositories=["shop"])
    assert whole["token"].startswith("ghs_")
    assert whole["permissions"] == {"metadata": "read", **WRITER}
    assert (less["permissions"], less["repository_selection"]) == ({"metadata": "read", "issues": "read"}, "selected")
    assert [r["full_name"] for r in less["repositories"]] == [SHOP]
    left = time.mktime(time.strptime(whole["expires_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 3500 < left <= 3601
    bot = app.bot(less["token"])
    assert bot.ask("GET", f"{API}/issues") == []
    assert "Resource not accessible by integration" in refused(bot.create_issue, SHOP, "No")


def test_a_token_for_more_than_the_installation_has_is_422(app):
    said = refused(app.token, permissions={"administration": "write"})
    assert said.startswith("422")
    assert "The permissions requested are not granted to this installation." in said
    assert "not accessible to the parent installation" in refused(app.token, repositories=["none"])


def test_repositories_outside_the_installation_do_not_exist_for_it(app, forge):
    forge.ada.create_repository(OTHER)
    bot = app.bot()
    assert refused(bot.ask, "GET", f"/api/v3/repos/{OTHER}").startswith("404")
    assert [r["full_name"] for r in bot.ask("GET", "/api/v3/installation/repositories")["repositories"]] == [SHOP]
    forge.ada.set_app_repositories(app.installation, None)
    assert bot.ask("GET", f"/api/v3/repos/{OTHER}")["full_name"] == OTHER
    forge.ada.create_repository("acme/later")
    listed = bot.ask("GET", "/api/v3/installation/repositories")
    assert (listed["total_count"], listed["repository_selection"]) == (3, "all")
    forge.ada.set_app_repositories(app.installation, [OTHER])
    assert refused(bot.ask, "GET", API).startswith("404")


def test_an_expired_or_revoked_token_is_401_and_a_new_one_works(app, forge):
    revoked = app.bot(app.token()["token"])
    revoked.ask("DELETE", "/api/v3/installation/token")
    assert refused(revoked.ask, "GET", API).startswith("401")
    forge.ada.expire_tokens(app.installation)
    assert "Bad credentials" in refused(app.bot().ask, "GET", API)
    assert app.bot(app.token()["token"]).ask("GET", API)["full_name"] == SHOP


def test_a_suspended_installation_is_403_until_it_is_lifted(app, forge):
    forge.ada.suspend(app.installation)
    for call in (app.token, lambda: app.bot().ask("GET", API), lambda: app.bot().graphql("{ viewer { login } }")):
        said = refused(call)
        assert said.startswith("403")
        assert "This installation has been suspended" in said
    assert app.itself().ask("GET", f"/api/v3/app/installations/{app.installation}")["suspended_by"]["login"] == "ada"
    forge.ada.suspend(app.installation, lifted=True)
    assert app.bot().ask("GET", API)["full_name"] == SHOP


def test_a_permission_taken_away_is_gone_from_old_tokens_and_one_asked_for_needs_a_yes(app, forge):
    forge.ada.set_app_permissions(app.slug, {**WRITER, "issues": "read"})
    assert refused(app.bot().create_issue, SHOP, "No").startswith("403")
    forge.ada.set_app_permissions(app.slug, WRITER, accepted=False)
    itself = app.itself()
    assert itself.ask("GET", "/api/v3/app")["permissions"]["issues"] == "write"
    assert itself.ask("GET", f"/api/v3/app/installations/{app.installation}")["permissions"]["issues"] == "read"


def test_the_bot_is_the_author_of_what_it_does(app, forge, shop):
    bot = app.bot()
    shop.push_branch("feature", {"price.txt": "12\n"})
    pull = bot.create_pull(SHOP, head="feature", base="main", title="Prices")
    sha = pull["head"]["sha"]
    check = bot.api("POST", SHOP, "/check-runs", {"name": "oneshot", "head_sha": sha, "conclusion": "success"})
    assert (check["app"]["id"], check["app"]["slug"]) == (app.made["app"]["id"], app.slug)
    assert bot.comment(SHOP, pull["number"], "Hello")["user"]["type"] == "Bot"
    forge.wait_checks(sha)
    bot.merge_as_person(SHOP, pull["number"], sha=sha)
    merged = forge.ada.pull(SHOP, pull["number"])
    assert (merged["user"]["login"], merged["merged_by"]["login"]) == (f"{app.slug}[bot]", f"{app.slug}[bot]")
    assert forge.ada.violations() == []


def test_who_a_bot_is_is_told_by_graphql_and_by_name_but_not_as_user(app, forge):
    assert app.bot().graphql("{ viewer { login } }")["data"]["viewer"]["login"] == f"{app.slug}[bot]"
    assert "Resource not accessible by integration" in refused(app.bot().ask, "GET", "/api/v3/user")
    assert forge.ada.ask("GET", f"/api/v3/users/{app.slug}[bot]")["type"] == "Bot"
    assert "is not a user" in refused(forge.ada.api, "GET", SHOP, f"/collaborators/{app.slug}[bot]/permission")


def test_only_an_app_makes_check_runs(forge, shop):
    said = refused(forge.oneshot.api, "POST", SHOP, "/check-runs", {"name": "x", "head_sha": shop.head()})
    assert said.startswith("403")
    assert "You must authenticate via a GitHub App." in said


def _pushed(forge, shop, token, branch, files):
    shop.branch(branch)
    shop.commit(files)
    shop.remote = f"http://x-access-token:{token}@127.0.0.1:{forge.port}/{SHOP}.git"
    return shop.push(branch, check=False)


def test_git_takes_an_installation_token_as_its_permissions_say(app, forge, shop, tmp_path):
    assert _pushed(forge, shop, app.made["token"], "one", {"a": "1\n"}).returncode == 0
    reader = app.token(permissions={"contents": "read"})["token"]
    assert "403" in _pushed(forge, shop, reader, "two", {"a": "2\n"}).stderr
    assert git("ls-remote", shop.remote, cwd=tmp_path).returncode == 0
    blind = app.token(permissions={"issues": "write"})["token"]
    remote = f"http://x-access-token:{blind}@127.0.0.1:{forge.port}/{SHOP}.git"
    assert git("ls-remote", remote, cwd=tmp_path, check=False).returncode != 0


def test_a_workflow_is_pushed_only_with_the_permission_for_it(app, forge, shop):
    token = app.token(permissions={"contents": "write"})["token"]
    done = _pushed(forge, shop, token, "three", {".github/workflows/more.yml": "on: push\n"})
    assert done.returncode != 0
    said = "a GitHub App to create or update workflow `.github/workflows/more.yml` without `workflows` permission"
    assert f"refusing to allow {said}" in done.stderr
    assert _pushed(forge, shop, token, "four", {"a": "4\n"}).returncode == 0
    assert _pushed(forge, shop, app.made["token"], "five", {".github/workflows/more.yml": "on: push\n"}).returncode == 0


def test_apps_tokens_and_installations_survive_a_kill(app, forge):
    forge.kill()
    forge.start()
    assert ForgeClient(forge.url, app.made["token"]).ask("GET", API)["full_name"] == SHOP
    assert app.itself().ask("GET", "/api/v3/app")["slug"] == app.slug


def test_the_hook_of_an_app_is_read_and_changed_without_its_secret(forge, shop):
    app = installed(forge, hook_attributes={"url": "http://127.0.0.1:9/webhooks/github"})
    assert app.made["webhook_secret"]
    itself = app.itself()
    changed = itself.ask("PATCH", "/api/v3/app/hook/config", {"url": "http://127.0.0.1:8/hooks", "secret": "s3cret"})
    assert itself.ask("GET", "/api/v3/app/hook/config") == changed
    assert (changed["url"], changed["secret"]) == ("http://127.0.0.1:8/hooks", "********")


def test_a_stranger_reaches_no_app_control(app, forge):
    assert refused(forge.oneshot.suspend, app.installation).startswith("403")
    assert httpx.put(f"{forge.url}/_forge/installations/{app.installation}/suspended").status_code == 401
