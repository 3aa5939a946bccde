"""The demo's agent, run as the program it is, on real copies of the shop."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oneshot_dagster.local.demo

DEMO = Path(oneshot_dagster.local.demo.__file__).parent
PRIVATE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO / "shop", tmp_path / "worktree"))


def ask(shop: Path, prompt: str, **env: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-I", str(DEMO / "agent.py")],
        cwd=shop,
        input=prompt.encode(),
        env=PRIVATE | env,
        capture_output=True,
        timeout=30,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def python(shop: Path, *argv: str) -> tuple[int, str]:
    done = subprocess.run(
        ["python3", *argv],
        check=False,
        cwd=shop,
        env=PRIVATE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
    )
    return done.returncode, done.stdout.decode()


def percent_off(shop: Path, sku: str, qty: int) -> int:
    return int(python(shop, "-c", f"from shop.pricing import percent_off; print(percent_off('{sku}', {qty}))")[1])


def test_the_planted_shop_passes_its_own_tests_and_checks(shop: Path) -> None:
    assert python(shop, "tests/run.py")[0] == 0
    assert python(shop, "checks/promises.py")[0] == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_discount_of_any_size_is_added_with_tests_that_pass(shop: Path, seed: int) -> None:
    draw = random.Random(seed)
    qty, percent, sku = draw.randint(2, 60), draw.randint(1, 60), draw.choice(["mug", "lamp", "book"])
    ask(shop, f"# Issue\n\n> Orders of {qty} or more of {sku} get {percent} % off.\n")
    assert (percent_off(shop, sku, qty), percent_off(shop, sku, qty - 1)) == (percent, 0)
    assert python(shop, "tests/run.py")[0] == 0
    assert python(shop, "checks/promises.py")[0] == 0
    assert (shop / f"integration/test_{sku}_{qty}.py").exists()


def test_two_discounts_touch_no_common_file(shop: Path) -> None:
    def files() -> dict[str, bytes]:
        return {str(f.relative_to(shop)): f.read_bytes() for f in shop.rglob("*") if f.is_file()}

    before = files()
    ask(shop, "Orders of 7 or more of mug get 12 % off.")
    first = files()
    ask(shop, "Orders of 9 or more of mug get 15 % off.")
    second = files()
    assert all(first[name] == content for name, content in before.items())
    assert all(second[name] == content for name, content in first.items())
    assert [percent_off(shop, "mug", qty) for qty in (6, 7, 8, 9)] == [0, 12, 12, 15]


def test_a_misread_boundary_passes_locally_fails_the_check_and_is_cured_by_its_log(shop: Path) -> None:
    issue = "From 7 of mug on, an order gets 12 % off."
    ask(shop, issue)
    assert python(shop, "tests/run.py")[0] == 0
    code, log = python(shop, "checks/promises.py")
    assert code == 1
    assert "7 of mug should get 12 % off, but gets 0 %" in log

    ask(shop, issue)
    assert python(shop, "checks/promises.py")[0] == 1, "without the log the same mistake is made again"

    ask(shop, f"{issue}\n\n## The last attempt failed\n```\n{log}\n```\n")
    assert python(shop, "checks/promises.py")[0] == 0
    assert python(shop, "tests/run.py")[0] == 0
    assert (percent_off(shop, "mug", 7), percent_off(shop, "mug", 6)) == (12, 0)


def test_the_log_of_another_discount_cures_nothing(shop: Path) -> None:
    issue = "From 7 of mug on, an order gets 12 % off."
    ask(shop, issue + "\nbroken promise: 9 of lamp should get 12 % off, but gets 0 %")
    assert percent_off(shop, "mug", 7) == 0


def test_a_new_tax_touches_the_protected_file_and_passes_the_tests(shop: Path) -> None:
    ask(shop, "Please charge 23 % tax.")
    assert "PERCENT = 23" in (shop / "shop/tax.py").read_text()
    assert python(shop, "tests/run.py")[0] == 0


def test_what_is_not_understood_changes_nothing(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    said = ask(shop, "Make it nicer.")
    assert sorted(shop.rglob("*")) == before
    assert any("do not understand" in str(event.get("text")) for event in said)


def test_it_says_its_session_its_work_and_its_usage(shop: Path) -> None:
    said = ask(shop, "Orders of 7 or more of mug get 12 % off.", ONESHOT_AGENT_RESUME="earlier")
    assert said[0] == {"type": "session", "id": "earlier"}
    assert sum(event["type"] == "message" for event in said) == 4
    assert said[-1]["type"] == "usage"
    assert isinstance(said[-1]["input_tokens"], int)


def test_the_agent_is_a_program_of_its_own() -> None:
    assert not re.search(r"^\s*(?:from|import) oneshot_dagster", (DEMO / "agent.py").read_text(), re.M)
