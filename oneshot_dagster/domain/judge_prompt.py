"""What a judging model is shown: the issue as it was triggered, the snapshot, the tests as the engine ran them, the gate.
Nothing that the agent says of its own work. The words around it are texts/judge_prompt.md; asking is steps/judging."""

from collections.abc import Iterator
from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.fitting import Part, fit
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.snapshot import FileChange, Snapshot
from oneshot_dagster.domain.test_results import SuiteResult

_LOG, _LOG_PASSED = 8_000, 1_000  # characters of a suite's log
_BROWSES = "Your current folder is the whole tree at the head: read there whatever you need to be sure. You cannot write to it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """`answers` are author and text. `instructions` are the repository's own for its judges, at the base.

    `browses`: it has the tree at hand. `problem`: what was wrong with its last answer.
    """

    repository: str
    key: str
    attempt: int
    issue_title: str
    issue_body: str
    snapshot: Snapshot
    gate: Gate
    suites: tuple[SuiteResult, ...] = ()
    proof: Proof | None = None
    asked: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    instructions: str = ""
    browses: bool = False
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgePrompt:
    """`unseen` names the files of which the model does not see all that changed."""

    text: str
    unseen: tuple[str, ...]


def judge_prompt(template: str, shown: Shown, budget: int) -> JudgePrompt:
    known = {
        "repository": shown.repository,
        "key": shown.key,
        "attempt": str(shown.attempt),
        "base": shown.snapshot.base_sha,
        "head": shown.snapshot.head_sha,
        "looks": _BROWSES if shown.browses else "",
    }
    fitted = fit(template, known=known, parts=_parts(shown), budget=budget)
    omitted = (f.path for f in shown.snapshot.files if f.patch is None and f.additions is not None and _has_lines(f))
    return JudgePrompt(text=fitted.text, unseen=tuple(dict.fromkeys((*omitted, *fitted.cut.get("patches", ())))))


def _has_lines(file: FileChange) -> bool:
    return bool(file.additions or file.deletions)


def _parts(shown: Shown) -> dict[str, Part]:
    """In the order in which what others leave over goes to them."""
    title = f"{shown.issue_title}\n\n{shown.issue_body}".strip()
    return {
        "patches": Part(share=0.6, entries=tuple((f.path, f.patch) for f in shown.snapshot.files if f.patch)),
        "issue": Part(share=0.12, entries=(("issue", title),)),
        "instructions": Part(share=0.05, entries=(("instructions", shown.instructions),)),
        "reports": Part(share=0.08, entries=tuple(_reports(shown.suites)), from_end=True),
        "files": Part(share=0.05, entries=(("files", "\n".join(map(_file, shown.snapshot.files))),)),
        "gate": Part(share=0.03, entries=(("gate", _gate(shown.gate)),)),
        "asked": Part(share=0.02, entries=(("asked", shown.asked),)),
        "answers": Part(share=0.02, entries=tuple((f"answer by {author}", text) for author, text in shown.answers)),
        "proof": Part(share=0.01, entries=(("new tests", _proof(shown.proof)),)),
        "problem": Part(share=0.01, entries=(("problem", shown.problem),)),
    }


def _file(file: FileChange) -> str:
    counts = "binary" if file.additions is None else f"+{file.additions} -{file.deletions}"
    mode = f", mode {file.old_mode} to {file.new_mode}" if file.old_mode != file.new_mode else ""
    omitted = f", not shown: {file.patch_omitted}" if file.patch is None and file.patch_omitted else ""
    old = f" from {file.old_path_bytes.decode(errors='backslashreplace')}" if file.old_path_bytes else ""
    return f"{file.status.value} {file.path}{old} ({counts}{mode}{omitted})"


def _reports(suites: tuple[SuiteResult, ...]) -> Iterator[tuple[str, str]]:
    for suite in suites:
        failed = suite.count("failed") + suite.count("error")
        said = f"{suite.verdict.replace('_', ' ')}, {suite.count('passed')} passed, {failed} failed, {suite.count('skipped')} skipped"
        reason = f": {suite.reason}" if suite.reason else ""
        log = suite.log_tail[-(_LOG_PASSED if suite.verdict is Verdict.PASSED else _LOG) :].strip()
        yield f"suite {suite.suite}", f"{log}\n\n$ {suite.command}\n{said}{reason}".strip()


def _gate(gate: Gate) -> str:
    lines = (f"{c.name}: {(c.verdict or 'pending').replace('_', ' ')}: {c.fact}" for c in gate.conditions)
    return "\n".join((f"{gate.opening.replace('_', ' ')} at {gate.sha}", *lines))


def _proof(proof: Proof | None) -> str:
    return "" if proof is None else f"{proof.verdict.replace('_', ' ')}: {proof.detail}"
