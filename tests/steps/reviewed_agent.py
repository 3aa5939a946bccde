"""The demo's agent, which also does what review threads ask: "say WORDS" puts them into a comment at that line.
It answers each thread, and does not do what begins with "leave"."""

import json
import re
import runpy
import sys
from pathlib import Path

THREAD = re.compile(r"^`+thread (\d+) on (\S+), line (\d+)\n\w+: (.*)$", re.MULTILINE)


def say(text: str) -> None:
    sys.stdout.write(json.dumps({"type": "message", "text": text}) + "\n")
    sys.stdout.flush()


def main() -> None:
    prompt = sys.stdin.read()
    threads = THREAD.findall(prompt)
    if not threads:
        sys.stdin = __import__("io").StringIO(prompt)
        runpy.run_path(sys.argv[1], run_name="__main__")
    for number, path, line, asked in threads:
        if not asked.startswith("say "):
            say(f"Thread {number}: not done: I would rather not")
            continue
        file = Path(path)
        lines = file.read_text().splitlines(keepends=True)
        lines.insert(int(line), f"# {asked.removeprefix('say ')}\n")
        file.write_text("".join(lines))
        say(f"Thread {number}: done: it says so now")


main()
