"""The demo's issues: drawn, done by the agent through the real prompt, served, and seen from outside."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

import oneshot_dagster.domain
from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.policy import effective_mode, parse_policy
from oneshot_dagster.domain.prompt import PromptParts, render_prompt
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.local.demo.issues import Discount, Drawn, Kind, draw
from oneshot_dagster.local.demo.plant import AGENT, SHOP
from oneshot_dagster.local.forge.workflow import Trigger, read
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentRequest
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.sandbox.room import address_of

TEMPLATE = Path(oneshot_dagster.domain.__file__).parent / "texts/agent_prompt.md"
SHA = "c" * 40
KINDS = (Kind.HAPPY, Kind.RED_FIRST, Kind.NEEDS_HUMAN)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "worktree"))


def work(shop: Path, issue: Drawn, *failures: Failure, memories: tuple[str, ...] = ()) -> None:
    parts = PromptParts(
        repository="acme/shop",
        key="acme/shop#1",
        attempt=1,
        issue_title=issue.title,
        issue_body=issue.body,
        failures=failures,
        memories=memories,
    )
    prompt = render_prompt(TEMPLATE.read_text(), parts, 20_000)
    agent = CommandAgent(command=(sys.executable, "-I", str(AGENT)), scratch=shop.parent / "scratch")
    request = AgentRequest(worktree=shop, prompt=prompt, resume=None, wall=30, stall=30)
    result = agent.run(request, on_event=lambda _: None, cancelled=lambda: False)
    assert (result.end, result.usage.model) == (AgentEnd.FINISHED, "demo")
    assert result.resume


@pytest.fixture
def serve(shop: Path) -> Iterator[Callable[[], str]]:
    """Serves the worktree as it is now."""
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> str:
        script = "from http.server import *; from shop import server; s = ThreadingHTTPServer(('127.0.0.1', 0), server.Handler)"
        script += "; print(s.server_address[1], flush=True); s.serve_forever()"
        running.append(subprocess.Popen(["python3", "-B", "-c", script], cwd=shop, stdout=subprocess.PIPE))
        assert running[-1].stdout is not None
        return f"http://127.0.0.1:{int(running[-1].stdout.readline())}"

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def suite(shop: Path, command: str, **env: str) -> Verdict:
    """The service whose address it is given is the one that it reaches."""
    reach = tuple(address_of(url) for url in env.values())
    request = SuiteRequest(suite="s", command=command, folder=shop, sha=SHA, timeout=30, env=env, reach=reach)
    suites = LocalSuites(scratch=shop.parent / "scratch")
    return suites.run(request, say=lambda _: None, cancelled=lambda: False).verdict


@pytest.mark.parametrize("kind", [Kind.HAPPY, Kind.NEEDS_HUMAN, Kind.PROPOSE])
@pytest.mark.parametrize("seed", range(3))
def test_what_an_issue_asks_is_not_there_before_and_seen_afterwards(
    shop: Path, serve: Callable[[], str], kind: Kind, seed: int
) -> None:
    issue = draw(kind, Random(seed), [])
    assert not issue.expectation.check(serve()).ok
    work(shop, issue)
    seen = issue.expectation.check(serve())
    assert seen.ok, seen.sentence


def test_the_policys_own_suites_pass_on_the_patch_and_against_its_service(shop: Path, serve: Callable[[], str]) -> None:
    policy = parse_policy((shop / ".oneshot.toml").read_text().replace("@SUPERVISOR_URL@", "http://127.0.0.1:1"))
    before = serve()
    work(shop, draw(Kind.HAPPY, Random(5), []))
    assert suite(shop, policy.tests.commands[0]) is Verdict.PASSED
    assert suite(shop, policy.verify.integration[0], ONESHOT_DEPLOYED_URL=serve()) is Verdict.PASSED
    assert suite(shop, policy.verify.integration[0], ONESHOT_DEPLOYED_URL=before) is Verdict.FAILED


def test_red_first_is_cured_by_the_log_of_the_failed_check(shop: Path, serve: Callable[[], str]) -> None:
    issue = draw(Kind.RED_FIRST, Random(6), [])
    work(shop, issue)
    assert suite(shop, "python3 tests/run.py --junit {junit}") is Verdict.PASSED
    failed = subprocess.run(
        ["python3", "-B", "checks/promises.py"], cwd=shop, check=False, capture_output=True, text=True
    )
    assert failed.returncode == 1
    assert not issue.expectation.check(serve()).ok
    work(shop, issue, Failure(name="ci", log=f"+ python3 checks/promises.py\n{failed.stdout}\n::error exit code 1"))
    assert issue.expectation.check(serve()).ok


def test_a_memory_of_another_issue_is_not_taken_for_the_ask(shop: Path, serve: Callable[[], str]) -> None:
    issue = draw(Kind.HAPPY, Random(7), [])
    work(shop, issue, memories=("Orders of 2 or more of cap get 50 % off: completed.",))
    assert issue.expectation.check(serve()).ok
    assert not Discount(sku="cap", qty=2, percent=50).check(serve()).ok


def test_numbers_are_never_drawn_twice_for_one_item() -> None:
    texts: list[str] = []
    found: list[Discount] = []
    for seed in range(80):
        issue = draw(KINDS[seed % 2], Random(seed), texts)
        texts.append(issue.body)
        assert isinstance(issue.expectation, Discount)
        found.append(issue.expectation)
    assert len({(one.sku, one.qty) for one in found}) == len({(one.sku, one.percent) for one in found}) == 80


def test_a_tax_is_always_a_new_one() -> None:
    texts: list[str] = []
    for seed in range(60):
        issue = draw(Kind.NEEDS_HUMAN, Random(seed), texts)
        assert issue.body not in texts
        texts.append(issue.body)
    assert not any("19 %" in text for text in texts)


def test_many_changes_in_a_row_keep_every_earlier_test_true(shop: Path) -> None:
    texts: list[str] = []
    for seed in range(12):
        issue = draw(Kind.HAPPY, Random(seed), texts)
        texts.append(issue.body)
        work(shop, issue)
    assert suite(shop, "python3 tests/run.py --junit {junit}") is Verdict.PASSED
    assert suite(shop, "python3 checks/promises.py") is Verdict.PASSED


def test_what_does_not_answer_is_not_as_asked() -> None:
    seen = Discount(sku="mug", qty=7, percent=12).check("http://127.0.0.1:1")
    assert not seen.ok
    assert "no answer" in seen.sentence


def test_the_planted_policy_protects_what_the_tax_issue_touches() -> None:
    policy = parse_policy(re.sub("@SUPERVISOR_URL@", "http://127.0.0.1:1", (SHOP / ".oneshot.toml").read_text()))
    assert policy.protect.paths == ("shop/tax.py",)
    assert policy.gate.required_checks == ("ci",)
    assert effective_mode(policy, Mode.MERGE)[0] is Mode.MERGE


def test_the_forge_can_run_every_key_of_the_planted_workflow() -> None:
    text = (SHOP / ".github/workflows/ci.yml").read_text()
    workflow = read("ci.yml", text, Trigger(action="opened", head_ref="codex/issue-1", base_ref="main"))
    assert workflow is not None
    assert [(job.name, job.problems) for job in workflow.jobs] == [("ci", ())]
