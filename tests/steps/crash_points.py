"""Where a run is killed: for each step after its intent (or at its begin), during the call, and before its result.
A point is the calls to pass, as system/crashing reads them; at the last one the process dies."""

import os

EVERYTHING = os.environ.get("CRASH_POINTS") == "all"


def _at(*calls: str) -> str:
    return "\n".join(calls)


def _record(artifact: str) -> dict[str, str]:
    return {
        "before its record": _at(f"store.artifacts.record {artifact} before"),
        "after its record": _at(f"store.artifacts.record {artifact} after"),
    }


def _effect(action: str, call: str) -> dict[str, str]:
    return {
        f"{action}: after the intent": _at(f"store.writes.intend {action} after"),
        f"{action}: during the call": _at(f"store.writes.intend {action} after", f"{call} - after"),
        f"{action}: before the result": _at(f"store.writes.intend {action} after", "store.writes.settle - before"),
    }


POINTS: dict[str, dict[str, str]] = {
    "worktree": {
        "before the worktree": _at("git.provision - before"),
        "with the worktree made": _at("git.provision - after"),
        **_record("worktree"),
        "before its move": _at("store.runs.transition worktree_ready before"),
    },
    "patch": {
        "before the agent": _at("agent.run - before"),
        "with the agent's edits": _at("agent.run - after"),
        "with the commit made": _at("git.commit_all - after"),
        "with its files half stored": _at("store.artifacts.add_file implementation-events after"),
        **_record("patch"),
        "before its move": _at("store.runs.transition testing before"),
    },
    "local_test_report": {
        "before the tests": _at("suites.run tests before"),
        "with the tests run": _at("suites.run tests after"),
        "with the report stored": _at("store.artifacts.add_report local after"),
        **_record("local_test_report"),
    },
    "pull_request": {
        **_effect("push", "git.push"),
        **_effect("open_pr", "github.open_pull"),
        **_effect("comment", "github.comment"),
        **_effect("check_run", "github.put_check"),
        "before the number is known": _at("github.update_pull - before"),
        **_record("pull_request"),
        "before its move": _at("store.runs.transition awaiting_ci before"),
    },
    "file_snapshot": {
        "before the snapshot": _at("store.projections.save_snapshot - before"),
        "with the snapshot stored": _at("store.projections.save_snapshot - after"),
        **_record("file_snapshot"),
    },
    "check_state": {
        "at the first reading": _at("github.gate_facts - after"),
        "with the gate decided": _at("store.facts.append gate after"),
        **_record("check_state"),
        "before its move": _at("store.runs.transition judging before"),
        "after its move": _at("store.runs.transition judging after"),
        "with its state told": _at("store.runs.transition judging after", "github.edit_comment - after"),
    },
    "evaluation": {
        "before the verdict": _at("store.artifacts.add_evaluation pass before"),
        "with the verdict stored": _at("store.artifacts.add_evaluation pass after"),
        **_record("evaluation"),
        "before its move": _at("store.runs.transition merge_ready before"),
        "after its move": _at("store.runs.transition merge_ready after"),
        "before its check": _at("store.runs.transition merge_ready after", "github.put_check - before"),
        "with its check": _at("store.runs.transition merge_ready after", "github.put_check - after"),
    },
    "merge": {
        "in the lane": _at("store.leases.enter_lane - after"),
        **_effect("merge", "github.merge_async"),
        "with the result": _at("store.writes.intend merge after", "store.writes.settle - after"),
        **_effect("delete_branch", "git.delete_branch"),
        **_record("merge"),
        "before its move": _at("store.runs.transition merged before"),
    },
    "deployment": {
        **_effect("github_deployment", "github.create_deployment"),
        **_effect("start_deployment", "deploy.start"),
        **_effect("deployment_status", "github.deployment_status"),
        **_record("deployment"),
        "before its move": _at("store.runs.transition verifying before"),
    },
    "verification_report": {
        "before the suite": _at("suites.run integration before"),
        "with the suite run": _at("suites.run integration after"),
        "with the report stored": _at("store.artifacts.add_report verification after"),
        **_record("verification_report"),
    },
    "evidence": {
        "with the memories": _at("store.notes.remember - after"),
        "before the last comment": _at("store.notes.remember - after", "github.edit_comment - before"),
        "with the last comment": _at("store.notes.remember - after", "github.edit_comment - after"),
        "with the file stored": _at("store.artifacts.add_file evidence.jsonl after"),
        **_record("evidence"),
        "before its move": _at("store.runs.transition completed before"),
        "after its move": _at("store.runs.transition completed after"),
        "before it leaves the lane": _at("store.leases.leave_lane - before"),
    },
}

TELLING = {
    ("worktree", "with the worktree made"),
    ("patch", "with the commit made"),
    ("patch", "before its move"),
    ("local_test_report", "with the report stored"),
    ("pull_request", "push: during the call"),
    ("pull_request", "open_pr: during the call"),
    ("check_state", "before its move"),
    ("evaluation", "with the verdict stored"),
    ("evaluation", "with its check"),
    ("merge", "merge: after the intent"),
    ("merge", "merge: during the call"),
    ("deployment", "start_deployment: during the call"),
    ("verification_report", "before its record"),
    ("evidence", "before its move"),
}
