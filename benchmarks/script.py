"""The plain script that a run is compared with: the same git commands and HTTP calls, one after another, and nothing else.
`python -m benchmarks.script CALLS OUT FROM TO TOKEN` repeats the calls that a run made in repository FROM in repository TO."""

import base64
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

_SHA = re.compile(r"[0-9a-f]{40}")
_CREDENTIALS = "ONESHOT_GIT_TOKEN_FILE"
_FOLDERS = ("HOME", "TMPDIR")
_AS_BEFORE = 304
Call = dict[str, Any]


class Script:
    """Two repositories of equal shape: names differ, and what git and the forge hash from times; that is translated."""

    def __init__(self, *, source: str, target: str, token: str) -> None:
        self._source, self._target, self._token = source, target, token
        self._now: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._http = httpx.Client(trust_env=False, timeout=30.0, headers={"authorization": f"Bearer {token}"})

    def prepare(self, calls: Iterable[Call]) -> None:
        """Folders and credential files that the run made for its calls are there before the script is timed."""
        for call in calls:
            if "argv" not in call:
                continue
            Path(self._told(call["cwd"])).mkdir(parents=True, exist_ok=True)
            for name, value in call["env"].items():
                place = Path(self._told(value))
                if name in _FOLDERS and place.is_absolute() and not place.exists():
                    place.mkdir(parents=True)
                elif name == "GIT_INDEX_FILE":
                    place.parent.mkdir(parents=True, exist_ok=True)
                elif name == _CREDENTIALS:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(f"password={self._token}\n")
            for place in re.findall(r"(/\S+)/[^/\s]+\.xml", " ".join(call["argv"])):
                Path(self._told(place)).mkdir(parents=True, exist_ok=True)

    def play(self, calls: Iterable[Call]) -> None:
        for call in calls:
            if "file" in call:
                Path(self._told(call["file"])).write_text(self._told(call["content"]))
            elif "argv" in call:
                self._process(call)
            else:
                self._send(call)

    def _process(self, call: Call) -> None:
        done = subprocess.run(
            [self._told(word) for word in call["argv"]],
            cwd=self._told(call["cwd"]),
            env={name: self._told(value) for name, value in call["env"].items()},
            input=self._told(_bytes(call["stdin"])).encode("latin-1"),
            capture_output=True,
            check=False,
        )
        if done.returncode != call["code"]:
            said = done.stderr.decode(errors="replace")[-500:]
            raise SystemExit(f"{call['argv']} ended with {done.returncode}, in the run with {call['code']}: {said}")
        self._learn(_bytes(call["out"]), done.stdout)

    def _send(self, call: Call) -> None:
        url = self._told(call["url"])
        headers = {"content-type": call["type"]} if call["type"] else {}
        if call["status"] == _AS_BEFORE and url in self._tags:
            headers["if-none-match"] = self._tags[url]
        body = self._told(_bytes(call["body"])).encode("latin-1")
        answer = self._http.request(call["method"], url, content=body, headers=headers)
        if "etag" in answer.headers:
            self._tags[url] = answer.headers["etag"]
        # What had changed in one world may not have in the other, at that moment.
        if answer.status_code != call["status"] and {answer.status_code, call["status"]} != {200, _AS_BEFORE}:
            raise SystemExit(
                f"{call['method']} {call['url']}: {answer.status_code}, in the run {call['status']}: {answer.text}"
            )
        self._learn(_bytes(call["out"]), answer.content)

    def _learn(self, then: str, now: bytes) -> None:
        old, new = _SHA.findall(then), _SHA.findall(now.decode("latin-1"))
        if len(old) == len(new):
            self._now.update(zip(old, new, strict=True))
        for name in ("id", "number"):
            pattern = re.compile(rf'"{name}": ?(\d+)')
            ids = zip(pattern.findall(then), pattern.findall(now.decode("latin-1")), strict=False)
            self._now.update({f"/{name}/{old}": new for old, new in ids})

    def _told(self, text: Any) -> Any:
        if isinstance(text, str):
            translated = text.replace(self._source, self._target)
            translated = _SHA.sub(lambda sha: self._now.get(sha[0], sha[0]), translated)
            return re.sub(
                r"/(comments|deployments|check-runs)/(\d+)",
                lambda m: f"/{m[1]}/{self._now.get(f'/id/{m[2]}', m[2])}",
                translated,
            )
        return text


def main() -> int:
    calls_file, out, source, target, token = sys.argv[1:]
    calls = [_unconfined(call) for call in json.loads(Path(calls_file).read_text())]
    script = Script(source=source, target=target, token=token)
    script.prepare(calls)
    wall, cpu = time.perf_counter(), _cpu()
    script.play(calls)
    Path(out).write_text(json.dumps({"run": time.perf_counter() - wall, "cpu": _cpu() - cpu}))
    return 0


def _unconfined(call: Call) -> Call:
    """A command that the run put in a sandbox, as it is by itself: what the sandbox costs is the run's."""
    if call.get("argv", [""])[0] != "bwrap":
        return call
    words = call["argv"]
    inner = len(words) - words[::-1].index("--")
    return {**call, "argv": words[inner:], "cwd": words[words.index("--chdir") + 1]}


def _cpu() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def _bytes(encoded: str) -> str:
    """One character a byte."""
    return base64.b64decode(encoded).decode("latin-1")


if __name__ == "__main__":
    sys.exit(main())
