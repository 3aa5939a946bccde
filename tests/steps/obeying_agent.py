"""An agent that obeys: it does every line `DO name: command` that reaches it, in its prompt or in a file that the prompt names, and
says what came of it. `BREAK suite: base64` makes that suite print the text and fail. `WORK` has the demo's agent work first."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

DO = re.compile(r"^.*?\bDO ([\w-]+): (.*)$", re.MULTILINE)
BREAK = re.compile(r"BREAK (unit|ci): (\S+)")
FAILING = """import base64, unittest


class Loud(unittest.TestCase):
    def test_loud(self):
        print(base64.b64decode({text!r}).decode())
        self.fail("loud")
"""


def say(text: str) -> None:
    sys.stdout.write(json.dumps({"type": "message", "text": text}) + "\n")
    sys.stdout.flush()


def break_suite(suite: str, text: str) -> None:
    if suite == "unit":
        Path("tests/test_loud.py").write_text(FAILING.format(text=text))
    else:
        line = f"import base64, sys\nprint(base64.b64decode({text!r}).decode())\nsys.exit(1)\n"
        Path("checks/promises.py").write_text(line)


def main() -> None:
    prompt = sys.stdin.read()
    if "WORK" in prompt:
        subprocess.run([sys.executable, "-I", sys.argv[1]], input=prompt.encode(), check=True)
    found = BREAK.search(prompt)
    told = prompt + "".join(p.read_text() for p in map(Path, re.findall(r"read (\S+\.md)", prompt)) if p.exists())
    orders = dict(DO.findall(told))
    if found and not orders:
        break_suite(*found.groups())
    for name, command in orders.items():
        done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=False, timeout=20)
        said = base64.b64encode((done.stdout + done.stderr)[-20_000:]).decode()
        say(f"obeyed {name} ({done.returncode}): {said}")


main()
