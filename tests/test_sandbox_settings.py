"""What the operator says of the sandbox."""

from pathlib import Path

import pytest

from oneshot_dagster.bootstrap import sandbox_of
from oneshot_dagster.settings import load
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.room import Bounds


@pytest.fixture
def settle(monkeypatch, tmp_path):
    monkeypatch.setenv("ONESHOT_HOME", str(tmp_path))

    def settled(toml: str = ""):
        (tmp_path / "oneshot.toml").write_text(toml)
        return sandbox_of(load())

    return settled


def test_the_home_and_every_file_of_a_key_are_hidden(settle, tmp_path):
    found = settle('[github]\ntoken_file = "/opt/keys/token"\nwebhook_secret_file = "/opt/keys/hooks"\n')
    assert {tmp_path, Path("/opt/keys/token"), Path("/opt/keys/hooks")} <= set(found.hidden)


@pytest.mark.parametrize(
    ("toml", "strict"),
    [
        ("", True),
        ('[github]\napi_url = "http://127.0.0.1:3001/api/v3"', False),
        ("[sandbox]\nstrict = false", False),
        ('[github]\napi_url = "http://127.0.0.1:3001/api/v3"\n[sandbox]\nstrict = true', True),
    ],
)
def test_on_real_github_nothing_runs_unprotected_unless_the_operator_says_so(settle, toml, strict):
    assert settle(toml).strict is strict


def test_kind_toolchains_and_bounds_are_the_operators(settle):
    found = settle('[sandbox]\nkind = "landlock"\nreadable = ["/srv/node"]\nmemory_mb = 64\nprocesses = 9\n')
    assert (found.kind, found.readable) == (Kind.LANDLOCK, (Path("/srv/node"),))
    assert found.bounds == Bounds(memory=64 * 2**20, processes=9)
