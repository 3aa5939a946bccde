"""git's proc-receive hook: lets git update the refs of a push, or refuses them by the guards in FORGE_GUARDS.
Only this hook may give each ref a reason of its own, as GitHub does; pre-receive may not."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.push_facts import update_of
from oneshot_dagster.local.forge.push_rules import Refused, refused, workflow_refused
from oneshot_dagster.local.forge.repos import Repos
from oneshot_dagster.local.forge.rules import Guard, Rule

_WILD = "*?~"


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """`no_workflows` is what the pusher's token is called where it may not touch workflows, else empty."""

    pusher: str
    default_branch: str
    page: str
    no_workflows: str = ""


def environment(guards: Sequence[Guard], push: Push) -> dict[str, str]:
    """For `git http-backend`: what the hook reads, and for which refs git asks it at all."""
    prefixes = {prefix for guard in guards for prefix in _prefixes(guard, push.default_branch)}
    asked = ["refs"] if push.no_workflows else sorted(prefixes)
    if not asked:
        return {}
    keys = {f"GIT_CONFIG_KEY_{i}": "receive.procReceiveRefs" for i in range(len(asked))}
    values = {f"GIT_CONFIG_VALUE_{i}": prefix for i, prefix in enumerate(asked)}
    told = json.dumps({"guards": [asdict(g) for g in guards], "push": asdict(push)})
    place = {"FORGE_PYTHON": sys.executable, "FORGE_CODE": str(Path(__file__).parents[3]), "FORGE_GUARDS": told}
    return {"GIT_CONFIG_COUNT": str(len(asked)), **keys, **values, **place}


def _prefixes(guard: Guard, default_branch: str) -> Iterable[str]:
    """git knows no patterns here: the folder before the first wildcard."""
    for pattern in guard.include:
        ref = f"refs/heads/{default_branch}" if pattern == "~DEFAULT_BRANCH" else pattern
        wild = next((i for i, c in enumerate(ref) if c in _WILD), None)
        folder = ref if wild is None else ref[:wild].rpartition("/")[0]
        yield folder if folder.startswith("refs/") else "refs"


def main() -> int:
    asked = untyped.mapping(json.loads(os.environ["FORGE_GUARDS"])) or {}
    guards = [_guard(g) for g in untyped.mappings(asked["guards"])]
    push = Push(**{name: str(word) for name, word in (untyped.mapping(asked["push"]) or {}).items()})
    answers, sections = sys.stdout.buffer, _sections(sys.stdin.buffer)
    features = next(sections)[0].partition("\0")[2]
    _write(answers, [f"version=1\0{features}"])
    report: list[str] = []
    for line in next(sections):
        ref, no = line.split(" ", 2)[2], _refused(line, guards, push)
        if no and no.text:
            print(no.text, file=sys.stderr, flush=True)  # noqa: T201 - git shows it to who pushes, as "remote: …"
        report += [f"ng {ref} {no.reason}"] if no else [f"ok {ref}", "option fall-through"]
    _write(answers, report)
    return 0


def _refused(line: str, guards: Sequence[Guard], push: Push) -> Refused | None:
    kinds = {rule.type for guard in guards for rule in guard.rules}
    if push.no_workflows:
        kinds.add("workflows")
    update = update_of(Repos(Path(os.environ["HOME"])), Path.cwd(), line, pusher=push.pusher, kinds=kinds)
    first = workflow_refused(update, push.no_workflows) if push.no_workflows else None
    return first or refused(update, guards, default_branch=push.default_branch, page=push.page)


def _guard(fields: dict[str, object]) -> Guard:
    rules = untyped.mappings(fields["rules"])
    pushers = fields["pushers"]
    return Guard(
        classic=fields["classic"] is True,
        include=_words(fields["include"]),
        exclude=_words(fields["exclude"]),
        rules=tuple(Rule(type=str(r["type"]), parameters=untyped.mapping(r["parameters"]) or {}) for r in rules),
        pushers=None if pushers is None else _words(pushers),
    )


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in untyped.items(value))


def _sections(source: BinaryIO) -> Iterator[list[str]]:
    """The lines between flush packets of git's pkt-line format."""
    lines: list[str] = []
    while head := source.read(4):
        length = int(head, 16)
        if length == 0:
            yield lines
            lines = []
        else:
            lines.append(source.read(length - 4).decode(errors="surrogateescape").rstrip("\n"))


def _write(answers: BinaryIO, lines: Sequence[str]) -> None:
    for line in lines:
        body = line.encode(errors="surrogateescape")
        answers.write(f"{len(body) + 4:04x}".encode() + body)
    answers.write(b"0000")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
