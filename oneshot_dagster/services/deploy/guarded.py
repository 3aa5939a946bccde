"""One start line, run under a wrapper that waits, ready to go, until the lane was asked for a last time.
So between that answer and the line itself there is no start of a process, no import, no queue."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.system.process import Command, Finished, run

READY = b"oneshot-ready"


@dataclass(kw_only=True)
class Guarded:
    """`asked` and `ours` say how the last question went; the line ran only where `ours`."""

    lane_is_ours: Callable[[], bool]
    say: Callable[[str], None]
    asked: bool = False
    ours: bool = False

    def run(self, line: str, command: Command) -> Finished:
        """`command` says where and how long; its argv is replaced by the wrapper's."""
        read_end, write_end = os.pipe()
        open_ends = {read_end, write_end}

        def answer(said: bytes) -> None:
            if self.asked:
                self.say(said.decode(errors="replace")[:500])
            elif said == READY:
                self.asked = True
                self.ours = self.lane_is_ours()
                if self.ours:
                    os.write(write_end, b"go\n")
                os.close(write_end)
                open_ends.discard(write_end)

        wrapper = Path(__file__).with_name("start_line.sh").read_text(encoding="utf-8")
        argv = ("/bin/bash", "-c", wrapper, "start_line", str(read_end), line)
        try:
            return run(replace(command, argv=argv, pass_fds=(read_end,)), on_line=answer)
        finally:
            for descriptor in open_ends:
                os.close(descriptor)


def output(finished: Finished) -> str:
    """What the line itself printed."""
    return finished.stdout.decode(errors="replace").removeprefix(READY.decode()).strip()
