"""A child process whose streams flow while it runs, for servers that pass bytes on; process.py has the blocking kind.
The child is a session of its own and is killed with all of its group when the block is left."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 64 * 1024
_ERRORS_KEPT = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Both directions are bounded: `write` and `read` wait where the other side is slower."""

    process: asyncio.subprocess.Process
    errors: bytearray

    async def write(self, data: bytes) -> bool:
        """False once the child takes no more input."""
        stdin = self.process.stdin
        if stdin is None or stdin.is_closing():
            return False
        try:
            stdin.write(data)
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def end_input(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    async def read(self) -> bytes:
        """The next bytes of stdout, b"" at its end."""
        return await self.process.stdout.read(_CHUNK) if self.process.stdout else b""

    def kill(self) -> None:
        """The whole group, at once; harmless when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def wait(self) -> int:
        return await self.process.wait()


@asynccontextmanager
async def stream(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> AsyncGenerator[Flow]:
    """`env` is the child's complete environment. TimeoutError when the block lasts longer than `timeout` seconds."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    flow = Flow(process=process, errors=bytearray())
    listener = asyncio.create_task(_keep_errors(flow))
    try:
        async with asyncio.timeout(timeout):
            yield flow
    finally:
        flow.kill()
        await process.wait()
        listener.cancel()


async def _keep_errors(flow: Flow) -> None:
    while flow.process.stderr and (data := await flow.process.stderr.read(_CHUNK)):
        flow.errors.extend(data[: _ERRORS_KEPT - len(flow.errors)])
