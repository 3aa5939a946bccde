"""The demo's agent, but where the file `wait` lies beside this program it first edits, says so in `working`, and waits."""

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

here = Path(sys.argv[1])
if (here / "wait").exists():
    os.write(1, b'{"type": "message", "text": "at work"}\n')
    Path("half-done.txt").write_text("an agent was at work here")
    helper = subprocess.Popen(["sleep", "120"], start_new_session=True)
    (here / "working.new").write_text(f"{os.getpid()} {helper.pid}")
    (here / "working.new").rename(here / "working")
    while (here / "wait").exists():
        time.sleep(0.05)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
