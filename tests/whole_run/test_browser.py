"""What a newcomer sees of `make dev` in a real browser: the forge's pages, and Dagster's UI after a change is completed."""

import shutil
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from stack_world import StackWorld

from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind

pytestmark = pytest.mark.whole_run
GROUPS = ("1_implement", "2_propose")  # the canvas draws only what it shows
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian's package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def test_a_person_labels_on_the_forge_and_reads_in_dagster_what_was_judged_merged_and_proven(make_world, browser):
    world: StackWorld = make_world(web=True)
    world.start()
    key, planted = world.issue(Kind.HAPPY)
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    label_on_the_forge(page, world, planted.number)
    world.wait_until(lambda: [a.state for a in world.attempts(key)] == [State.COMPLETED], f"{key} is completed")
    attempt = world.attempts(key)[-1]
    accessible(page, f"{world.forge_url}/{key.repository}/pull/{attempt.pr_number}")
    expect(page.get_by_text("merged", exact=False).first).to_be_visible()

    page.goto(f"{world.web_url}/locations/oneshot/jobs/one_shot")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_attached(timeout=30_000)
    for artifact, told in {
        "check_state": (attempt.head_sha, "ci: success"),
        "merge": (attempt.judged_sha, attempt.merge_sha, "merged at"),
        "deployment": (attempt.deployed_sha, world.service_url),
        "verification_report": (attempt.merge_sha, "integration"),
    }.items():
        page.goto(f"{world.web_url}/assets/{artifact}?view=partitions&partition={quote(str(key), safe='')}")
        for said in told:
            expect(page.get_by_text(said or "nothing", exact=False).first).to_be_visible(timeout=30_000)


def label_on_the_forge(page: Page, world: StackWorld, number: int) -> None:
    accessible(page, world.forge_url)
    row = page.get_by_role("row").filter(has_text=f"#{number}")
    row.get_by_role("button", name="label oneshot").click()
    labels = lambda: [label["name"] for label in world.forge().issue("acme/shop", number)["labels"]]  # noqa: E731
    world.wait_until(lambda: "oneshot" in labels(), "it is labelled")


def accessible(page: Page, url: str) -> None:
    page.goto(url)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
