"""Who sends signed deliveries as GitHub does, a process of its own: `python -m benchmarks.sender URL SECRET_FILE --number N`.
Prints as JSON what was answered, how long each answer took from the moment it was due, and which ids were answered 202."""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import resource
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

SIZE = 13_000  # bytes of a payload, about those of a check run's
_SHA = "0123456789" * 4  # stands where each delivery names a commit of its own
_OF_A_REPOSITORY = 46  # addresses that GitHub gives with a repository
_NO_ANSWER = "none"


@dataclass(kw_only=True)
class Sent:
    answers: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def payload(repository: str) -> bytes:
    """A check run that ended, in GitHub's shape, filled up with addresses as GitHub's are."""
    owner, _, _ = repository.partition("/")
    root = f"https://api.github.test/repos/{repository}"
    app = {"id": 15368, "slug": "github-actions", "name": "GitHub Actions", "owner": _person("github")}
    check = {
        "id": 4_000_000_001,
        "name": "ci",
        "head_sha": _SHA,
        "external_id": "",
        "url": f"{root}/check-runs/4000000001",
        "status": "completed",
        "conclusion": "success",
        "started_at": "2026-01-01T00:00:00Z",
        "completed_at": "2026-01-01T00:01:00Z",
        "output": {"title": None, "summary": None, "text": None, "annotations_count": 0},
        "check_suite": {"id": 5_000_000_001, "head_branch": "codex/issue-1", "head_sha": _SHA, "app": app},
        "app": app,
        "pull_requests": [{"id": 9, "number": 2, "url": f"{root}/pulls/2"}],
    }
    known = {f"address_{n}_url": f"{root}/of-some-kind-{n}{{/sha}}" for n in range(_OF_A_REPOSITORY)}
    said = {
        "action": "completed",
        "check_run": check,
        "repository": {"id": 7, "full_name": repository, "private": False, "owner": _person(owner), **known},
        "sender": _person("ada"),
    }
    missing = SIZE - len(json.dumps(said))
    said["organization"] = {f"address_{n:04}_url": f"{root}/{n:04}" for n in range(missing // 68)}
    return json.dumps(said).encode()


def _person(login: str) -> dict[str, object]:
    addresses = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events")
    return {"login": login, "id": 1, "type": "User"} | {
        f"{name}_url": f"https://api.github.test/users/{login}/{name}" for name in addresses
    }


async def send(url: str, secret: bytes, *, repository: str, number: int, rate: float, connections: int) -> Sent:
    """`rate` a second, each sent when it is due whether or not those before it are answered; 0: as fast as it goes."""
    parts = urlsplit(url)
    template = payload(repository)
    sent, due = Sent(), iter(range(number))
    began = time.perf_counter() + 0.1

    async def one_after_another() -> None:
        async with _connected(parts.hostname or "", parts.port or 80) as (reader, writer):
            for place in due:
                at = began + place / rate if rate else time.perf_counter()
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                name, sha = str(uuid.uuid4()), hashlib.sha1(str(place).encode(), usedforsecurity=False).hexdigest()
                body = template.replace(_SHA.encode(), sha.encode())
                writer.write(_request(parts.path, parts.netloc, name, body, secret))
                answer = await _answer(reader)
                sent.answers[answer] += 1
                sent.took.append(time.perf_counter() - at)
                if answer == _NO_ANSWER:
                    return
                sent.kept += [name] if answer == "202" else []

    await asyncio.gather(*(one_after_another() for _ in range(connections)))
    return sent


@contextlib.asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _request(path: str, host: str, name: str, body: bytes, secret: bytes) -> bytes:
    signature = hmac.new(secret, body, "sha256").hexdigest()
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nUser-Agent: GitHub-Hookshot/0\r\n"
        f"X-GitHub-Event: check_run\r\nX-GitHub-Delivery: {name}\r\nX-Hub-Signature-256: sha256={signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def _answer(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
    except (OSError, asyncio.IncompleteReadError):
        return _NO_ANSWER


def main() -> None:
    options = _options()
    began = time.perf_counter()
    asked = send(
        options.url,
        options.secret_file.read_bytes().strip(),
        repository=options.repository,
        number=options.number,
        rate=options.rate,
        connections=options.connections,
    )
    sent = asyncio.run(asked)
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {"answers": sent.answers, "took": sent.took, "kept": sent.kept, "cpu": used.ru_utime + used.ru_stime}
    print(json.dumps({**said, "seconds": time.perf_counter() - began}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sender", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("secret_file", type=Path)
    parser.add_argument("--repository", default="acme/shop")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
