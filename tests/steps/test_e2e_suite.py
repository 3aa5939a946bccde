"""A user-interface suite of the policy: a real browser in the sandbox against the deployed service, and what it leaves."""

import shutil
import sys

import people
import pytest

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State

CHROMIUM = shutil.which("chromium")
SUITE = """
import os
import sys
from pathlib import Path
from playwright.sync_api import sync_playwright

url, left = os.environ["ONESHOT_DEPLOYED_URL"], Path(os.environ["ONESHOT_ARTIFACTS"])
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox", "--disable-dev-shm-usage"])
    context = browser.new_context()
    context.tracing.start(screenshots=True, snapshots=True)
    page = context.new_page()
    answer = page.goto(url + "/healthz")
    page.screenshot(path=left / "health.png")
    context.tracing.stop(path=left / "trace.zip")
    elsewhere = None
    try:
        elsewhere = page.goto(sys.argv[2], timeout=5000)
    except Exception as error:
        print("elsewhere:", str(error).splitlines()[0])
    browser.close()
assert answer.status == 200 and elsewhere is None, (answer.status, elsewhere)
"""


@pytest.fixture(autouse=True)
def _chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian's package chromium)")


def test_a_browser_reaches_the_deployed_service_and_nothing_else_and_its_trace_and_picture_are_kept(world, engine):
    text = people.policy(world)
    line = f'e2e = ["{sys.executable} e2e.py {CHROMIUM} {world.url}/"]\n'
    people.push(world, "main", {".oneshot.toml": text.replace("[verify]\n", f"[verify]\n{line}"), "e2e.py": SUITE})
    key, _ = world.plant()
    one = engine()
    record = one.run(key)[Artifact.VERIFICATION_REPORT]
    done = one.attempt(key)
    logs = one.services.store.artifacts.report(done.id, kind="verification", sha=done.merge_sha).suites
    assert done.state is State.COMPLETED, [suite["log_tail"] for suite in logs]
    assert [(check.name, check.passed) for check in record.checks] == [("integration", True), ("e2e", True)]
    stored = {file.name: file for file in one.services.store.artifacts.files(done.id)}
    picture = one.services.blobs.get(stored["e2e-health.png"].sha256)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert stored["e2e-health.png"].media_type == "image/png"
    assert (
        one.services.blobs.get(
            stored["e2e-trace.zip"].sha256,
        )[:2]
        == b"PK"
    )
