"""What a run is spent on, and its calls to the outside in order: for the shares, and for the script that repeats the calls.
Only time of the main thread counts, each moment once: to the innermost of Dagster, our steps, SQL, processes, HTTP."""

import base64
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

DAGSTER, OURS, SQL, DAGSTER_SQL, PROCESSES, HTTP = (
    "Dagster",
    "our code",
    "our SQL",
    "Dagster's SQL",
    "processes",
    "HTTP",
)


class Watch:
    def __init__(self, process: ModuleType) -> None:
        self._process = process
        self.seconds: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.calls: list[dict[str, Any]] = []
        self._within = [DAGSTER]
        self._since = 0.0
        self._following = False
        self._main = threading.main_thread()

    def begin(self) -> None:
        """Before the product is imported: its modules take `run` by name."""
        original = self._process.run
        self._process.run = self._watched_run(original)

    def follow(self) -> None:
        """From now on, which is just before the run starts."""
        import httpx
        from sqlalchemy import Engine, event

        from oneshot_dagster.orchestration import step_asset
        from oneshot_dagster.services.git import tree

        event.listen(Engine, "before_cursor_execute", self._statement_begins)
        event.listen(Engine, "after_cursor_execute", self._statement_ends)
        event.listen(Engine, "commit", lambda _: self.counts.update(commits=1))
        event.listen(Engine, "connect", lambda *_: self.counts.update(connections=1))
        httpx.Client.send = self._watched_send(httpx.Client.send)
        step_asset._body = self._watched_body(step_asset._body)  # noqa: SLF001
        tree.Tree.detach = self._watched_detach(tree.Tree.detach)
        for name in ("info", "debug", "warning", "error"):
            self._watch_log(name)
        self._following, self._since = True, time.perf_counter()

    def seen(self) -> dict[str, Any]:
        self._switch(DAGSTER)
        return {"seconds": dict(self.seconds), "counts": dict(self.counts), "calls": self.calls}

    @contextmanager
    def within(self, what: str) -> Iterator[None]:
        if threading.current_thread() is not self._main or not self._following:
            yield
            return
        self._switch(self._within[-1])
        self._within.append(what)
        try:
            yield
        finally:
            self._switch(self._within.pop())

    def _switch(self, spent_on: str) -> None:
        now = time.perf_counter()
        self.seconds[spent_on] += now - self._since
        self._since = now

    def _watch_log(self, name: str) -> None:
        from dagster._core.log_manager import DagsterLogManager

        original = getattr(DagsterLogManager, name)

        def watched(manager: Any, *args: Any, **options: Any) -> None:
            with self.within(DAGSTER):
                original(manager, *args, **options)

        setattr(DagsterLogManager, name, watched)

    def _statement_begins(self, connection: Any, *_: Any) -> None:
        ours = connection.engine.dialect.driver == "psycopg"
        self.counts[SQL if ours else DAGSTER_SQL] += 1
        if threading.current_thread() is self._main:
            self._switch(self._within[-1])
            self._within.append(SQL if ours else DAGSTER_SQL)

    def _statement_ends(self, *_: Any) -> None:
        if threading.current_thread() is self._main:
            self._switch(self._within.pop())

    def _watched_run(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(command: Any, **options: Any) -> Any:
            if not self._following:
                return original(command, **options)
            call: dict[str, Any] = {
                "argv": command.argv,
                "cwd": str(command.cwd),
                "env": dict(command.env),
                "stdin": _encoded(command.stdin),
            }
            self.calls.append(call)
            self.counts[f"{PROCESSES}: {_name(command.argv)}"] += 1
            with self.within(PROCESSES):
                done = original(command, **options)
            call |= {"out": _encoded(done.stdout), "code": done.returncode}
            return done

        return run

    def _watched_send(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send(client: Any, request: Any, **options: Any) -> Any:
            call: dict[str, Any] = {"method": request.method, "url": str(request.url)}
            self.calls.append(call)
            self.counts[HTTP] += 1
            with self.within(HTTP):
                answer = original(client, request, **options)
                answer.read()
            call |= {
                "body": _encoded(request.content),
                "type": request.headers.get("content-type", ""),
                "status": answer.status_code,
                "out": _encoded(answer.content),
            }
            return answer

        return send

    def _watched_body(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A step is ours while its generator runs, and Dagster's between what it yields."""

        def body(*args: Any, **options: Any) -> Iterator[object]:
            steps = original(*args, **options)
            while True:
                with self.within(OURS):
                    try:
                        event = next(steps)
                    except StopIteration:
                        return
                yield event

        return body

    def _watched_detach(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What our git writes by hand where others would call git, because later calls build on it."""

        def detach(tree: Any, head: str) -> None:
            original(tree, head)
            self.calls.append({"file": str(tree.admin / "HEAD"), "content": f"{head}\n"})

        return detach


def _name(argv: tuple[str, ...]) -> str:
    words = [Path(argv[0]).name, *(word for word in argv[1:] if not word.startswith("-") and "=" not in word)]
    return " ".join(words[: 2 if words[0] == "git" else 1])


def _encoded(content: bytes) -> str:
    """Bytes survive JSON."""
    return base64.b64encode(content).decode()
