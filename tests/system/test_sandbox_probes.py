"""What somebody's code would try against the platform: everything succeeds outside the sandbox and nothing does inside."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import oneshot_dagster
from oneshot_dagster.system.sandbox.kinds import why_not_bubblewrap, why_not_landlock

ROOT = Path(oneshot_dagster.__file__).parent.parent
HERE = Path(__file__).parent
NOBODY = 65534
_NEEDED = (
    "import structlog, codex_cli_bin, oneshot_dagster.services.suites.local, oneshot_dagster.services.agent.command"
)


def environment() -> dict[str, str]:
    packages = [path for path in sys.path if path.endswith("-packages")]
    folders = [str(Path(program).parent) for program in pythons()]
    return {
        "PATH": os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin", *folders]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def pythons() -> tuple[str, ...]:
    return (sys.executable, "/usr/bin/python3")


def becoming(user: int) -> tuple[str, ...]:
    if user == os.getuid():
        return ()
    # A shell between, so that the program itself is looked for as that account.
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "sh", "-c", 'exec "$0" "$@"')


@cache
def python_of(user: int) -> str | None:
    """The interpreter that this account can use, which may not be ours: that one may lie where only root can read."""
    for program in pythons():
        asked = (*becoming(user), program, "-c", _NEEDED)
        if (
            subprocess.run(asked, env=environment(), cwd="/", capture_output=True, check=False, timeout=60).returncode
            == 0
        ):
            return program
    return None


# As in most containers: an account without capabilities that may make no namespace.
WITHOUT_NAMESPACES = (
    *("unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "$0" "$@"',
)


def attempts(kind: str, carrier: str, user: int, *, within: tuple[str, ...] = ()) -> dict[str, Any]:
    program = python_of(user)
    if program is None:
        pytest.skip(f"no Python that uid {user} can use")
    place = Path(tempfile.mkdtemp(prefix="probed-"))
    try:
        os.chown(place, user, user)
        asked = (*becoming(user), *within, program, str(HERE / "probing.py"), kind, carrier, str(place))
        done = subprocess.run(
            asked, env=environment(), cwd="/", capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(place)


USERS = (0, NOBODY) if os.getuid() == 0 else (os.getuid(),)
users = pytest.mark.parametrize("user", USERS, ids=lambda user: "root" if user == 0 else "user")
carriers = pytest.mark.parametrize("carrier", ["suite", "agent"])


@users
@carriers
def test_outside_the_sandbox_every_attempt_succeeds(carrier, user):
    found = attempts("none", carrier, user)
    assert found["all"]
    assert sorted(found["reached"]) == sorted(found["all"])


@users
@carriers
@pytest.mark.parametrize("kind", ["bubblewrap", "landlock"])
def test_inside_the_sandbox_no_attempt_succeeds(kind, carrier, user):
    if why := {"bubblewrap": why_not_bubblewrap, "landlock": why_not_landlock}[kind]():
        pytest.skip(why)
    found = attempts(kind, carrier, user)
    assert found["all"]
    assert found["reached"] == [], found["said"]


@users
def test_no_attempt_succeeds_from_a_command_of_codex(user):
    if why := why_not_bubblewrap():
        pytest.skip(why)
    found = attempts("none", "codex", user)  # its own sandbox is all there is between
    assert found["all"]
    assert found["reached"] == [], found["said"]


@users
def test_where_no_namespace_can_be_made_codex_is_not_started_and_its_model_not_asked(user):
    """So there is no Codex in the fallback: what holds there is the suites' and the command agents' alone."""
    if why := why_not_bubblewrap():
        pytest.skip(why)
    found = attempts("none", "codex", user, within=WITHOUT_NAMESPACES)
    assert (found.get("refused"), found.get("asked")) == ("agent_sandbox_broken", 0)
    assert "namespace" in found["said"]
