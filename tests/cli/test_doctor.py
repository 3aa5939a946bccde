"""Claims about `doctor`: each check says what it found and what to do, and each can fail."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import psycopg
import pytest
from free_ports import free_ports
from world_fixtures import ENGINE_TOKEN

from oneshot_dagster.cli import doctor_checks as checks
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.settings import AgentSettings, PortSettings, Settings


def failed(finding):
    assert not finding.ok, finding
    assert finding.found
    assert finding.do
    return finding


def passed(finding):
    assert finding.ok, finding
    assert finding.found
    return finding


def fake_git(folder, said):
    program = folder / "git"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    return {"PATH": str(folder)}


def test_this_machines_git_is_new_enough():
    assert "git version" in passed(checks.git()).found


@pytest.mark.parametrize("said", ["git version 2.37.9", "git version 1.99", "git", ""])
def test_a_git_that_is_too_old_or_says_nothing_fails(tmp_path, said):
    assert "2.38" in failed(checks.git(fake_git(tmp_path, said))).do


@pytest.mark.parametrize("said", ["git version 2.38.0", "git version 3.0.1 (Apple)"])
def test_a_git_that_is_new_enough_passes(tmp_path, said):
    passed(checks.git(fake_git(tmp_path, said)))


def test_no_git_at_all_fails(tmp_path):
    assert "does not start" in failed(checks.git({"PATH": str(tmp_path)})).found


@pytest.mark.parametrize("command", [(), ("no-such-agent",), (sys.executable, "/no/such/agent.py")])
def test_an_agent_that_cannot_be_started_fails(command):
    assert "ONESHOT_AGENT__COMMAND" in failed(checks.agent(AgentSettings(command=command))).do


def test_codex_is_looked_at_with_its_sandbox(tmp_path):
    settings = Settings(home=tmp_path, agent=AgentSettings(kind="codex", model="m"))
    assert "its sandbox works" in passed(checks.codex(settings)).found
    nowhere = AgentSettings(kind="codex", model="m", command=("/no/codex",))
    assert "/no/codex" in failed(checks.codex(Settings(home=tmp_path, agent=nowhere))).found


def test_an_agent_that_is_a_program_passes():
    passed(checks.agent(AgentSettings(command=(sys.executable, "-I", __file__))))


def test_an_agent_whose_key_cannot_be_read_fails(tmp_path):
    keyless = AgentSettings(command=(sys.executable,), api_key_file=tmp_path / "key")
    assert "ONESHOT_AGENT__API_KEY_FILE" in failed(checks.agent(keyless)).do


def test_a_database_with_our_schema_passes(store_url):
    passed(checks.database("database", lambda: store_url))


def test_a_database_without_our_schema_fails_and_upgrade_is_what_to_do(make_database):
    url = make_database()
    assert "db upgrade" in failed(checks.database("database", lambda: url)).do


def test_a_database_of_others_fails_and_their_tables_are_named(make_database):
    url = make_database()
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("create schema memories")
        connection.execute("create table memories.entries (id int)")
    assert "memories.entries" in failed(checks.database("database", lambda: url)).found


def test_a_database_that_does_not_answer_fails():
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    assert "secret" not in failed(checks.database("database", lambda: url)).found


def test_no_database_at_all_fails(tmp_path):
    failed(checks.database("database", lambda: Settings(home=tmp_path).store_url))


def test_dagsters_database_fails_where_only_ours_was_made(store_url, tmp_path):
    assert "_dagster" in failed(checks.dagster_database(Settings(home=tmp_path, database_url=store_url))).do


def test_dagsters_database_passes_where_it_is(make_database, tmp_path):
    url = make_database()
    name = url.rpartition("/")[2]
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute(f'create database "{name}_dagster"')
        try:
            passed(checks.dagster_database(Settings(home=tmp_path, database_url=url)))
        finally:
            connection.execute(f'drop database "{name}_dagster" with (force)')


def github_access(world, repositories, token=ENGINE_TOKEN):
    """The real client, on the forge."""
    url = f"{world.url}/api"
    client = GitHubClient(api_url=f"{url}/v3", graphql_url=f"{url}/graphql", token=lambda: token)
    try:
        return checks.github_access(client, repositories)
    finally:
        client.close()


def test_github_access_passes_with_write_access_and_says_as_whom(world):
    assert "as oneshot" in passed(github_access(world, ("acme/shop", "acme/*"))).found


def test_github_access_fails_without_a_repository_a_right_or_a_token(world):
    world.forge.put_user("reader", "token-of-reader", {"acme/shop": "read"})
    assert "ONESHOT_REPOSITORIES" in failed(github_access(world, ())).do
    assert "acme/till" in failed(github_access(world, ("acme/shop", "acme/till"))).found
    assert "reader has read access" in failed(github_access(world, ("acme/shop",), "token-of-reader")).found
    assert "TOKEN" in failed(github_access(world, ("acme/shop",), "wrong-token")).do


def test_a_github_that_does_not_answer_fails(world):
    world.url = "http://127.0.0.1:1"
    failed(github_access(world, ("acme/shop",)))


def sandbox(scratch):
    return checks.sandbox(LocalSuites(scratch=scratch), CommandAgent(command=("x",), scratch=scratch), scratch)


def test_the_sandbox_says_what_works_and_what_is_not_enforced(tmp_path):
    found = passed(sandbox(tmp_path / "scratch")).found
    assert "tree kill work" in found
    assert "network: none" in found


def test_a_sandbox_without_a_place_to_work_fails(tmp_path):
    (tmp_path / "scratch").write_text("a file where the folder should be")
    failed(sandbox(tmp_path / "scratch"))


class Leaky(LocalSuites):
    """Runs suites in our own environment, which a sandbox must not."""

    def run(self, request, *, say, cancelled):
        return super().run(replace(request, env=dict(os.environ)), say=say, cancelled=cancelled)


def test_a_sandbox_that_shows_our_environment_fails(tmp_path):
    agent = CommandAgent(command=("x",), scratch=tmp_path)
    finding = failed(checks.sandbox(Leaky(scratch=tmp_path), agent, tmp_path))
    assert "sees our environment" in finding.found
    assert "DOCTOR_CANARY" not in os.environ


def test_a_disk_with_room_passes_also_before_the_home_is_made(tmp_path):
    passed(checks.disk(tmp_path / "not" / "yet", least=1))
    assert not (tmp_path / "not").exists()


def test_a_full_disk_fails_and_says_how_much_is_missing(tmp_path):
    assert "MB more" in failed(checks.disk(tmp_path, least=10**18)).do


def test_a_home_in_which_nothing_can_be_written_fails():
    failed(checks.disk(checks.Path("/proc/self/fdinfo"), least=1))


def port_findings(tmp_path, **taken):
    names = ("web", "forge", "code_server", "service", "hooks")
    numbers = dict(zip(names, free_ports(len(names)), strict=True))
    settings = Settings(home=tmp_path, ports=PortSettings(**{**numbers, **taken}))
    return checks.ports(settings)


def test_free_ports_pass(tmp_path):
    for finding in port_findings(tmp_path):
        assert passed(finding).found == "free"


def test_in_a_connected_home_the_demos_ports_are_not_looked_at_and_its_own_command_is_named(tmp_path):
    (tmp_path / "oneshot.toml").write_text('[github]\napi_url = "https://api.github.com"\n')
    settings = Settings(home=tmp_path)
    assert [f.name.split("(")[1] for f in checks.ports(settings)] == ["web)", "code_server)"]
    missing = checks.database("database", lambda: settings.store_url, started_by=settings.started_by)
    assert "`oneshot up`" in failed(missing).found
    assert "`oneshot up`" in missing.do


def test_a_port_that_another_has_fails_and_names_who_and_the_setting(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        findings = port_findings(tmp_path, forge=taken.getsockname()[1])
    bad = [finding for finding in findings if not finding.ok]
    assert len(bad) == 1
    assert f"pid {os.getpid()}" in bad[0].found
    assert "ONESHOT_PORTS__FORGE" in bad[0].do


LISTEN = (
    "import socket,sys; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("ours", [True, False])
def test_a_port_of_the_world_in_this_home_is_ours_and_that_of_another_home_is_not(tmp_path, ours):
    home = tmp_path if ours else tmp_path / "other"
    environment = {"PATH": os.environ["PATH"], "ONESHOT_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        findings = port_findings(tmp_path, forge=int(process.stdout.readline()))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (finding,) = [f for f in findings if "forge" in f.name]
    assert finding.ok is ours
    assert finding.found.startswith("ours: ") is ours


def test_the_command_exits_1_where_anything_fails_and_shows_every_check(oneshot):
    said = oneshot("doctor")
    assert said.code == 1
    for name in ("git", "agent", "database", "Dagster's database", "disk", "GitHub access", "sandbox", "(web)"):
        assert name in said.out
    assert "set ONESHOT_AGENT__COMMAND" in said.out


def test_wrong_settings_are_a_finding_of_their_own(oneshot, environment):
    environment["ONESHOT_NONSENSE"] = "1"
    said = oneshot("doctor")
    assert said.code == 1
    assert "ONESHOT_NONSENSE is not a setting" in said.out
