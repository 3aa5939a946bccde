"""The web process of a running stack: its two sockets, and what each answers to whom."""

import hmac
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from stack_world import StackWorld

pytestmark = pytest.mark.whole_run
SECRET = "the webhook secret of a test"
QUERY = {"query": "{ version }"}


def test_the_ui_is_for_its_own_pages_and_the_hooks_port_for_signed_deliveries_alone(make_world, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    world: StackWorld = make_world(web=True, env={"ONESHOT_GITHUB__WEBHOOK_SECRET_FILE": str(file)})
    world.start()
    hooks = f"http://127.0.0.1:{world.ports['hooks']}"

    with httpx.Client(trust_env=False, timeout=30) as http:
        assert "Dagster" in http.get(world.web_url).text
        assert http.post(f"{world.web_url}/graphql", json=QUERY).json()["data"]["version"]
        for foreign in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            assert http.post(f"{world.web_url}/graphql", json=QUERY, headers=foreign).status_code == 403

        assert http.get(f"{hooks}/healthz").status_code == 200
        assert [http.get(hooks + path).status_code for path in ("/", "/graphql", "/server_info")] == [404] * 3
        assert http.post(f"{hooks}/webhooks/github", json={}).status_code == 401
        body = json.dumps({"repository": {"full_name": "acme/shop"}, "zen": "Design for failure."}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
        headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "1", "X-Hub-Signature-256": signature}
        assert http.post(f"{hooks}/webhooks/github", content=body, headers=headers).status_code == 202

    second = serve(world)
    assert second.returncode == 2
    assert f"{world.ports['web']}" in second.stderr
    assert "ONESHOT_PORTS__WEB" in second.stderr


def test_webhooks_alone_without_a_secret_are_refused(make_world) -> None:
    world: StackWorld = make_world()

    said = serve(world, "--no-ui", ONESHOT_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert said.returncode == 2
    assert "no webhook secret" in said.stderr


def serve(world: StackWorld, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    process = subprocess.Popen(
        (sys.executable, "-m", "oneshot_dagster.cli.main", "serve", *options),
        env={**world.env, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
