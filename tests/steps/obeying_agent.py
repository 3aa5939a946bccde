"""An agent that obeys: it does every line `DO name: command` that reaches it, in its prompt or in a file that the prompt names, and
says what came of it. `BREAK suite: base64` makes that suite (`local`: of the local tests alone) print the text and fail, and then
it does nothing else, until the text comes back to it. `WORK` has the demo's agent work first."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

DO = re.compile(r"^.*?\bDO ([\w.-]+): (.*)$", re.MULTILINE)
BREAK = re.compile(r"BREAK (unit|local|ci): (\S+)")
FAILING = """import base64, sys, unittest


class Loud(unittest.TestCase):
    @unittest.skipUnless({everywhere} or "--junit" in sys.argv, "CI wants no report")
    def test_loud(self):
        print(base64.b64decode({text!r}).decode())
        self.fail("loud")
"""


def say(text: str) -> None:
    sys.stdout.write(json.dumps({"type": "message", "text": text}) + "\n")
    sys.stdout.flush()


def break_suite(suite: str, text: str) -> None:
    if suite != "ci":
        Path("tests/test_loud.py").write_text(FAILING.format(text=text, everywhere=suite == "unit"))
    else:
        line = f"import base64, sys\nprint(base64.b64decode({text!r}).decode())\nsys.exit(1)\n"
        Path("checks/promises.py").write_text(line)


def has_come_back(text: str, told: str) -> bool:
    return base64.b64decode(text).decode().splitlines()[0] in told


def main() -> None:
    prompt = sys.stdin.read()
    if "WORK" in prompt:
        subprocess.run([sys.executable, "-I", sys.argv[1]], input=prompt.encode(), check=True)
    told = prompt + "".join(p.read_text() for p in map(Path, re.findall(r"read (\S+\.md)", prompt)) if p.exists())
    breaks = [(suite, text) for suite, text in BREAK.findall(prompt) if not has_come_back(text, told)]
    for suite, text in breaks:
        break_suite(suite, text)
    for name, command in dict(DO.findall(told) if not breaks else ()).items():
        done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=False, timeout=20)
        said = base64.b64encode((done.stdout + done.stderr)[-20_000:]).decode()
        say(f"obeyed {name} ({done.returncode}): {said}")


main()
