"""What the scripted model does in the demo's shop when Codex asks it: it looks, edits by patch and by shell, tests, and says so.
What it understands is the demo's agent's plan; it has no state beside what it is asked."""

import re
import tempfile
from pathlib import Path

from oneshot_dagster.local.demo.agent import Plan, plan
from oneshot_dagster.local.demo.judge import judge
from oneshot_dagster.local.model.items import added, message, reasoning, shell
from oneshot_dagster.local.model.script import Asked, Reply

MODEL = "gpt-5.5"  # a name that Codex knows: the tools that it offers follow from it
_READ = ("shop/tax.py", "tests/test_tax.py")
_LOOK = f'for file in {" ".join(_READ)}; do echo "=== $file"; cat "$file"; done'
_FILE = re.compile(r"^=== (\S+)\n(.*?)(?=^=== |\Z)", re.MULTILINE | re.DOTALL)


def play(asked: Asked) -> Reply:
    """By how many tools have answered since it was asked. Who gives a schema wants a judgement."""
    if asked.schema is not None:
        return judge(asked)
    prompt, outputs = asked.latest.prompt, asked.latest.outputs
    if not outputs:
        return Reply(reasoning("**Reading the shop**"), message("I look at the shop first.", final=False), shell(_LOOK))
    work = _plan(prompt, outputs[0])
    if not work.edits:
        return Reply(message(work.understood))
    by_patch, by_shell = work.edits[:-1], work.edits[-1]
    if len(outputs) == 1:
        write = f"cat > {by_shell.path} <<'END_OF_FILE'\n{by_shell.content}END_OF_FILE\n"
        said = message(work.understood, final=False)
        return Reply(said, added({edit.path: edit.content for edit in by_patch}), shell(write))
    if len(outputs) == 3:
        return Reply(shell("python3 tests/run.py; echo the tests ended with $?"))
    wrote = "\n".join(f"wrote {edit.path}: {edit.why}" for edit in work.edits)
    return Reply(message(f"{wrote}\n{outputs[-1].strip().rpartition(chr(10))[2]}"))


def _plan(prompt: str, looked: str) -> Plan:
    """The agent plans by files, so it is given those that were read."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in _FILE.findall(looked):
            if path in _READ:
                file = Path(folder) / path
                file.parent.mkdir(exist_ok=True)
                file.write_text(content, encoding="utf-8")
        return plan(prompt, Path(folder))
