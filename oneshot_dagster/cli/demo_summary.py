"""What the demo prints at its end: what was left, what was proven and by whom, and what to try next."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx

from oneshot_dagster.cli import show as out
from oneshot_dagster.cli.following import Look
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.evidence import verify
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.standing import standing

if TYPE_CHECKING:
    from rich.console import Console

    from oneshot_dagster.local.stack import Stack

_EXCERPT = 12
_ABOUT_THE_MERGED = {Artifact.MERGE, Artifact.DEPLOYMENT, Artifact.VERIFICATION_REPORT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """Something that the demo saw for itself."""

    name: str
    ok: bool
    said: str


def show(stack: "Stack", seen: Look, proofs: Sequence[Proof], *, shows: str, console: "Console") -> None:
    """`shows` is the URL at which the deployed service shows the new behaviour."""
    attempt = seen.attempt
    found = standing(stack.services, attempt)
    out.heading(f"{attempt.key}, attempt {attempt.number}: what was left")
    rows = [
        [
            left.artifact.value,
            _sha(seen, left.artifact),
            f"{left.seconds:.2f} s" if left.seconds is not None else "",
            left.what_happened or "did not run",
        ]
        for left in found.artifacts
    ]
    out.table(["artifact", "commit", "took", "what happened"], rows)
    out.heading("success criteria")
    out.table(["criterion", "verdict", "fact"], [[c.name, out.verdict(c.verdict), c.detail] for c in found.criteria])
    out.heading("what the demo saw for itself")
    out.table(["what", "seen", "how"], [[p.name, "ok" if p.ok else "fail", p.said] for p in proofs])
    console.print()
    out.pairs(_places(stack, attempt, shows))


def failure(services: Services, attempt: Attempt, console: "Console") -> None:
    """The failing checks of an attempt, each with the end of its log."""
    for check in _failures(services, attempt):
        console.print(f"\nattempt {attempt.number}: {check['name']} failed", style="bold", markup=False, soft_wrap=True)
        for line in check["log"].strip().splitlines()[-_EXCERPT:]:
            console.print(f"  | {line}", markup=False, soft_wrap=True)


def brief(text: str, console: "Console") -> None:
    if console.is_terminal:
        from rich.markdown import Markdown
        from rich.panel import Panel

        console.print(Panel(Markdown(text)))
    else:
        console.print(f"\n{text}\n", markup=False, soft_wrap=True)


def what_next(stack: "Stack", seen: Look, console: "Console") -> None:
    key = seen.attempt.key
    tips = [
        f"oneshot status {key} --json",
        f"oneshot explain {key}",
        f"oneshot evidence verify {key}",
        "make demo SCENARIO=red-first|needs-human|propose|bad-deploy",
        "make dev",
    ]
    if seen.attempt.state is State.NEEDS_HUMAN:
        tips.insert(0, f"oneshot approve {key}")
    elif not stack.owned:
        tips.remove("make dev")
    console.print("\ntry next (after `. .venv/bin/activate`):", markup=False, soft_wrap=True)
    for tip in tips:
        console.print(f"  {tip}", markup=False, soft_wrap=True)


def _places(stack: "Stack", attempt: Attempt, shows: str) -> list[tuple[str, str]]:
    places = [("issue", f"{stack.world.forge_url}/{REPOSITORY}/issues/{attempt.key.issue_number}")]
    if attempt.pr_url:
        places.append(("pull request", attempt.pr_url))
    if attempt.merge_sha:
        places.append(("merge", f"{attempt.merge_sha} on {attempt.inputs.base}, by {attempt.merged_by}"))
    if attempt.deployed_sha:
        places.append(("deployed", f"GET {shows} answers {_answer(shows)}"))
    file = _exported(stack, attempt)
    if file is not None:
        places.append(("evidence", file))
    return places


def _answer(url: str) -> str:
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).text.strip()
    except httpx.HTTPError as problem:
        return f"nothing ({problem})"


def _exported(stack: "Stack", attempt: Attempt) -> str | None:
    content = _file(stack.services, attempt, "evidence.jsonl")
    if content is None:
        return None
    key = attempt.key
    target: Path = stack.world.home / "evidence" / f"{key.owner}-{key.name}-{key.issue_number}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    checked = verify(content, attempt.evidence_head)
    return f"{target} ({checked.lines} lines, {'its chain holds' if checked.ok else checked.problem})"


def _failures(services: Services, attempt: Attempt) -> list[dict[str, str]]:
    content = _file(services, attempt, "failures")
    return cast("list[dict[str, str]]", json.loads(content)) if content else []


def _file(services: Services, attempt: Attempt, name: str) -> bytes | None:
    files = [file for file in services.store.artifacts.files(attempt.id) if file.name == name]
    return services.blobs.get(files[-1].sha256) if files else None


def _sha(seen: Look, artifact: Artifact) -> str:
    """The commit that the step was about: the judged head, and from the merge on what landed."""
    record = seen.records.get(artifact)
    if record is None:
        return ""
    return out.short(seen.attempt.merge_sha if artifact in _ABOUT_THE_MERGED else record.sha)
