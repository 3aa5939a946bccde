"""GitPython's command class made ours: every git runs through system.process, in our environment, and answers bytes.
Import it through opening.py only, which keeps GitPython from probing for git at import."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import git
from git.cmd import Git
from typing_extensions import override

from oneshot_dagster.services.git.environment import LOCAL, OUTPUT_LIMIT, fixed
from oneshot_dagster.services.git.failures import failure
from oneshot_dagster.system.process import Command, Finished, run


class OurGit(Git):
    """`answer` is what our own code calls; `execute` is for what GitPython itself calls (objects, init)."""

    def answer(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = LOCAL,
        limit: int | None = None,
        accept: Sequence[int] = (0,),
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """`environment` is complete where given. `limit` bytes of output are enough; without it all of it is needed.

        Raises TryAgain or NeedsHuman for any other exit than `accept` has.
        """
        finished = run(
            Command(
                argv=("git", *arguments),
                cwd=cwd or Path(self._working_dir or "/"),
                env=environment or fixed(),
                stdin=stdin,
                timeout=timeout,
                output_limit=limit or OUTPUT_LIMIT,
            ),
            on_output=on_output,
        )
        cut = finished.truncated and limit is None
        if finished.returncode not in accept or finished.timed_out or cut:
            raise failure(arguments, finished)
        return finished

    @override
    def execute(self, command: str | Sequence[Any], istream: Any = None, *args: Any, **options: Any) -> Any:
        """Bytes, unstripped, whatever form GitPython asks for; a process left running is refused."""
        if args or isinstance(command, str) or options.get("as_process") or options.get("shell"):
            raise NotImplementedError("our git runs whole commands only")
        finished = self.answer(
            *(str(part) for part in command[1:]),
            stdin=cast("bytes", istream.read()) if istream is not None else b"",
            accept=(0,) if options.get("with_exceptions", True) else range(256),
        )
        if options.get("with_extended_output"):
            return finished.returncode, finished.stdout, finished.stderr.decode("utf-8", "replace")
        return finished.stdout

    @override
    def get_object_header(self, ref: str | bytes) -> tuple[str, str, int]:
        return self._header(self.answer("cat-file", "--batch-check", stdin=self._prepare_ref(ref)).stdout)

    @override
    def get_object_data(self, ref: str | bytes) -> tuple[str, str, int, bytes]:
        header, _, content = self.answer("cat-file", "--batch", stdin=self._prepare_ref(ref)).stdout.partition(b"\n")
        name, kind, size = self._header(header)
        return name, kind, size, content[:size]

    @override
    def stream_object_data(self, ref: str | bytes) -> Any:
        name, kind, size, content = self.get_object_data(ref)
        return name, kind, size, BytesIO(content)

    def _header(self, line: bytes) -> tuple[str, str, int]:
        """GitPython says `str` and works with bytes here."""
        return self._parse_object_header(cast("str", line))


class OurRepo(git.Repo):
    GitCommandWrapperType = OurGit
