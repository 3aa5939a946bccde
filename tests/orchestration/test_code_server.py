"""What the code server forks its run workers from."""

import json
import subprocess
import sys

from oneshot_dagster.orchestration.code_server import LOADED

_LOADS = """
import importlib, json, os, signal, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
opened = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
print(json.dumps({
    "threads": len(os.listdir("/proc/self/task")),
    "sockets": [what for what in opened if what.startswith("socket")],
    "ignores": signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
}))
"""


def test_what_run_workers_are_forked_from_loads_all_it_is_to_and_has_nothing_that_a_fork_would_share():
    """A module that cannot be loaded there is passed over in silence, and would be loaded by each run."""
    asked = [sys.executable, "-c", _LOADS, *LOADED]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"threads": 1, "sockets": [], "ignores": True}
