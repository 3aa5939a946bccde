"""The walk of docs/connect.md: its own commands, in order, from a fresh home to an open pull request by the App, in mode propose."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
from app_in_browser import from_page_to_code, install
from free_ports import free_ports
from unprepared_repository import PROJECT, TOOLS, earlier_change, push
from world_fixtures import running_world

CHECKOUT = Path(__file__).resolve().parents[2]
AGENT = """
from pathlib import Path
price = Path("price.py")
price.write_text(price.read_text() + "\\n\\nVAT = 19\\n")
Path("test_vat.py").write_text(
    "import unittest\\nfrom price import VAT\\n\\n\\nclass Vat(unittest.TestCase):\\n"
    "    def test_vat(self):\\n        self.assertEqual(VAT, 19)\\n"
)
"""
PATIENCE = 120


def commands():
    return re.findall(r"^```sh\n(.+)\n```$", (CHECKOUT / "docs" / "connect.md").read_text(), re.MULTILINE)


class Owner:
    """Types the page's commands, with what a test has to add."""

    def __init__(self, home, number=None):
        self.home, self.number = home, number
        names = ("web", "forge", "code_server", "service", "hooks")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ},
            **{f"ONESHOT_PORTS__{name.upper()}": str(port) for name, port in ports.items()},
            "HOME": str(home.parent),
            "USER": "ada",
            "ONESHOT_HOME": str(home),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, line, *more):
        words = shlex.split(line.replace("OWNER/REPO", TOOLS).replace("#N", f"#{self.number}"))
        assert words[0] == "oneshot"
        return subprocess.Popen(
            (sys.executable, "-m", "oneshot_dagster.cli.main", *words[1:], *more),
            cwd=CHECKOUT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, line, *more):
        process = self.start(line, *more)
        out, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, out


def read_until(process, pattern):
    said = []
    while not (said and re.search(pattern, said[-1])):
        line = process.stdout.readline()
        assert line, "".join(said)
        said.append(line)
    return said[-1].strip()


def connect(owner, line, forge):
    process = owner.start(line, "--url", forge, "--no-browser", "--name", "Walker")
    page = read_until(process, r"^\s+http://127\.0\.0\.1:\d+/\S+\s*$")
    assert httpx.get(from_page_to_code(page)).status_code == 200
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    link = re.search(r"\S+/installations/new", said).group(0)
    install(forge, link.split("/")[-3])


def use_agent(home):
    """As the page says, with a script for the agent."""
    file = home / "oneshot.toml"
    file.write_text(f"{file.read_text()}\n[agent]\ncommand = {json.dumps([sys.executable, '-c', AGENT])}\n")
    assert tomllib.loads(file.read_text())["mode"] == "propose"


def proposed(forge, branch):
    return next(one for one in forge.pulls(TOOLS, state="all") if one["head"]["ref"] == branch)


def test_the_pages_commands_lead_from_nothing_to_a_pull_request_by_the_app(tmp_path):
    first, to_connect, to_start, to_init, to_doctor, to_run = commands()
    assert first.startswith("make env")
    with running_world(tmp_path / "world", "no store of its own") as world:
        forge, home = world.forge, tmp_path / "home"
        forge.create_repository(TOOLS)
        push(forge, tmp_path / "person", PROJECT)
        earlier_change(forge, push(forge, tmp_path / "person", {"README.md": "tools\n"}, branch="earlier"))
        number = forge.create_issue(TOOLS, "Say the VAT", "price.py shall know the VAT, 19 percent.")["number"]
        owner = Owner(home, number)

        connect(owner, to_connect, world.url)
        use_agent(home)
        up = owner.start(to_start, "--no-web")
        try:
            read_until(up, "Ctrl-C stops everything")

            code, said = owner.run(to_init)
            assert code == 0, said
            policy = proposed(forge, "oneshot/init")
            assert policy["user"]["login"] == "walker[bot]"
            forge.merge_as_person(TOOLS, policy["number"])

            code, said = owner.run(to_doctor)
            assert code == 0, said

            code, said = owner.run(to_run)
            assert code == 5, said
            change = proposed(forge, f"codex/issue-{number}")
            assert (change["user"]["login"], change["state"], change["merged_at"]) == ("walker[bot]", "open", None)
            assert {one["name"] for one in forge.check_runs(TOOLS, change["head"]["sha"])} == {"ci", "oneshot"}
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=60)
