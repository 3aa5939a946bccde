"""Claims about `oneshot github connect` and `status`: an App by the forge's manifest pages, a token, and whatever goes wrong."""

import os
import re
import signal
import stat
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from app_in_browser import from_page_to_code, install
from world_fixtures import ENGINE_TOKEN

from oneshot_dagster.domain.permissions import PERMISSIONS
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.local.world import lay_out
from oneshot_dagster.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
KEY, SECRET, TOKEN = "github-app.pem", "github-webhook-secret", "github-token"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "connected"


@contextmanager
def connecting(home, *more):
    """The command as a process of its own, and the page that it asks a person to open."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "ONESHOT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        (sys.executable, "-m", "oneshot_dagster.cli.main", "github", "connect", "--no-browser", *more),
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = []
        while not (said and re.match(r"\s+http://127\.0\.0\.1:\d+/\S+\s*$", said[-1])):
            line = process.stdout.readline()
            assert line, "".join(said)
            said.append(line)
        yield process, said[-1].strip(), "".join(said)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def connected(home, *more):
    """How it ended and everything that it said."""
    with connecting(home, *more) as (process, url, said):
        back = httpx.get(from_page_to_code(url))
        assert back.status_code == 200
        rest, _ = process.communicate(timeout=30)
        return process.returncode, said + rest


def section(home):
    return tomllib.loads((home / "oneshot.toml").read_text())["github"]


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_app_is_made_on_githubs_pages_and_its_secrets_are_kept_for_nobody_elses_eyes(world, home):
    code, said = connected(home, "--url", world.url, "--name", "Oneshot of Ada", "--webhook-url", "https://a.example")
    assert code == 0, said
    assert section(home)["api_url"] == f"{world.url}/api/v3"
    assert section(home)["private_key_file"] == str(home / KEY)
    assert section(home)["webhook_secret_file"] == str(home / SECRET)
    pem, secret = (home / KEY).read_text(), (home / SECRET).read_text().strip()
    assert (mode_of(home / KEY), mode_of(home / SECRET), mode_of(home / "oneshot.toml")) == (0o600, 0o600, 0o600)
    assert f"{world.url}/apps/oneshot-of-ada/installations/new" in said
    for hiding in (pem, secret, pem.splitlines()[1]):
        assert hiding not in said
        assert hiding not in (home / "oneshot.toml").read_text()
    for one in PERMISSIONS:
        assert one.why in said
    assert tomllib.loads((home / "oneshot.toml").read_text())["mode"] == "propose"


def test_the_app_is_who_we_are_and_status_says_where_it_is_installed(world, home, oneshot, environment):
    connected(home, "--url", world.url, "--name", "Oneshot", "--repository", "Acme/Shop")
    before = oneshot("github", "status")
    install(world.url, "oneshot")
    after = oneshot("github", "status")
    assert "not installed anywhere yet" in before.out
    assert "oneshot[bot]" in after.out
    assert re.search(rf"acme +{REPOSITORY} +all permissions", after.out)
    assert re.search(rf"allowed here +{REPOSITORY}$", after.out, re.MULTILINE)
    assert not (home / SECRET).exists()  # nobody asked for webhooks


def test_what_stood_in_the_settings_stays(world, home):
    home.mkdir()
    own = '# mine\nmode = "observe"\nrepositories = ["acme/other"]\n\n[agent]\ncommand = ["codex"]  # by hand\n'
    (home / "oneshot.toml").write_text(own)
    connected(home, "--url", world.url, "--repository", REPOSITORY)
    text = (home / "oneshot.toml").read_text()
    assert "# mine" in text
    assert 'command = ["codex"]  # by hand' in text
    assert tomllib.loads(text)["mode"] == "observe"
    assert tomllib.loads(text)["repositories"] == ["acme/other", REPOSITORY]


def test_another_app_is_refused_and_taken_with_replace(world, home, oneshot):
    connected(home, "--url", world.url, "--name", "First", "--webhook-url", "https://a.example")
    first = section(home)["app_id"]
    refused = oneshot("github", "connect", "--url", world.url, "--no-browser")
    assert refused.code == 2
    assert f"the GitHub App {first} in it" in refused.err
    assert "--replace" in refused.err
    key = (home / KEY).read_text()
    assert connected(home, "--url", world.url, "--name", "Second", "--replace")[0] == 0
    assert section(home)["app_id"] != first
    assert (home / KEY).read_text() != key
    assert "webhook_secret_file" not in section(home)
    assert not (home / SECRET).exists()


def test_an_answer_that_nobody_asked_for_changes_nothing_and_the_right_one_still_counts(world, home):
    with connecting(home, "--url", world.url) as (process, url, _):
        there = f"http://{urlsplit(url).netloc}"
        foreign = httpx.get(f"{there}/connected", params={"code": "0" * 40, "state": "guessed"})
        assert foreign.status_code == 403
        assert httpx.get(f"{there}/connected", params={"code": "0" * 40}).status_code == 403
        assert httpx.get(there).status_code == 404
        assert httpx.get(url, headers={"host": "evil.example"}).status_code == 403
        assert sorted(path.name for path in home.iterdir()) == ["connect.lock"]
        httpx.get(from_page_to_code(url))
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_a_code_that_github_does_not_know_is_said_in_one_line(world, home):
    with connecting(home, "--url", world.url) as (process, url, _):
        page = httpx.get(url).text
        state = parse_qs(urlsplit(unescape(re.search(r'action="([^"]*)"', page).group(1))).query)["state"][0]
        httpx.get(f"http://{urlsplit(url).netloc}/connected", params={"code": "0" * 40, "state": state})
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "one use and one hour" in rest
    assert "0" * 40 not in rest
    assert not (home / "oneshot.toml").exists()


def test_a_second_start_is_refused_while_the_first_waits_and_ctrl_c_leaves_nothing(world, home, oneshot):
    with connecting(home, "--url", world.url) as (process, url, _):
        second = oneshot("github", "connect", "--url", world.url, "--no-browser")
        assert second.code == 2
        assert "waits for a browser" in second.err
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert (process.returncode, rest.strip()) == (130, "")
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
    assert sorted(path.name for path in home.iterdir()) == ["connect.lock"]


def test_a_home_that_cannot_keep_the_key_at_the_end_says_what_to_do_and_keeps_nothing(world, home):
    with connecting(home, "--url", world.url, "--name", "Lost") as (process, url, _):
        location = from_page_to_code(url)
        (home / KEY).mkdir()  # a file cannot take its place
        (home / KEY / "x").touch()
        httpx.get(location)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"delete the App ({world.url}/apps/lost)" in rest
    assert sorted(path.name for path in home.iterdir()) == ["connect.lock", KEY]


def test_a_home_that_nobody_can_write_to_is_refused_first(world, tmp_path, oneshot, environment):
    (tmp_path / "file").touch()
    environment["ONESHOT_HOME"] = str(tmp_path / "file" / "home")
    said = oneshot("github", "connect", "--url", world.url, "--no-browser")
    assert said.code == 2
    assert "ONESHOT_HOME" in said.err
    assert len(said.err.splitlines()) == 1


def test_the_home_of_the_local_world_is_refused(world, home, oneshot):
    lay_out(Settings(home=home))
    said = oneshot("github", "connect", "--url", world.url, "--no-browser")
    assert said.code == 2
    assert "`oneshot dev`" in said.err


def test_a_variable_that_would_stand_over_it_is_refused(world, oneshot, environment):
    environment["ONESHOT_GITHUB__TOKEN"] = "t"
    said = oneshot("github", "connect", "--url", world.url, "--no-browser")
    assert said.code == 2
    assert "unset it" in said.err


@pytest.mark.parametrize(
    "url", ["github.com", "http://ghe.example", "https://user@ghe.example", "https://ghe.example/x"]
)
def test_an_address_that_is_no_front_page_is_refused(oneshot, url):
    said = oneshot("github", "connect", "--url", url, "--no-browser")
    assert (said.code, "https://HOST" in said.err) == (2, True)


def test_a_token_is_tried_and_kept_and_what_it_lacks_is_said(world, home, oneshot):
    said = oneshot("github", "connect", "--url", world.url, "--token-file", "-", stdin=f"{ENGINE_TOKEN}\n".encode())
    assert said.code == 0, said.err
    assert "This home works as oneshot" in said.out
    assert "no check runs" in said.out
    assert ENGINE_TOKEN not in said.out + (home / "oneshot.toml").read_text()
    assert (home / TOKEN).read_text().strip() == ENGINE_TOKEN
    assert mode_of(home / TOKEN) == 0o600
    assert re.search(r"we are +oneshot$", oneshot("github", "status").out, re.MULTILINE)


def test_a_token_gives_way_to_an_app_with_replace_and_goes(world, home, oneshot):
    oneshot("github", "connect", "--url", world.url, "--token-file", "-", stdin=ENGINE_TOKEN.encode())
    assert oneshot("github", "connect", "--url", world.url, "--no-browser").code == 2
    assert connected(home, "--url", world.url, "--replace")[0] == 0
    assert "token_file" not in section(home)
    assert not (home / TOKEN).exists()


def test_a_token_that_github_does_not_take_is_not_kept(world, home, oneshot):
    said = oneshot("github", "connect", "--url", world.url, "--token-file", "-", stdin=b"ghp_wrong")
    assert said.code == 1
    assert "does not accept our token" in said.err
    assert "ghp_wrong" not in said.err
    assert not (home / "oneshot.toml").exists()
    assert not (home / TOKEN).exists()


@pytest.mark.parametrize("text", [b"", b"two words", b"\xff\xfe"])
def test_what_is_no_token_is_refused(oneshot, text):
    said = oneshot("github", "connect", "--token-file", "-", stdin=text)
    assert (said.code, "no single word" in said.err) == (2, True)
