"""Every CHECK and every unique key of the schema, broken once; one that is added without a case here fails the last test."""
# ruff: noqa: S608 — the statements are made of the constants of this file

import psycopg
import pytest
from store_fixtures import intake, sha

from oneshot_dagster.services.store.postgres import PostgresStore

A, B = sha("a"), sha("b")
_RUN = (
    "insert into codex_judge.runs (repository, issue_number, attempt, kind, state, mode, base, head, prompt, issue_title,"
    " issue_body, issue_sha256, issue_author, triggered_by, policy) select repository, issue_number, attempt + {attempt},"
    " '{kind}', state, mode, base, head, prompt, issue_title, issue_body, issue_sha256, issue_author, triggered_by, policy"
    " from codex_judge.runs"
)
_SET = "update codex_judge.runs set "
_PULL = (
    "insert into jangar_github.pr_state (repository, pr_number, head_sha, base_ref, base_sha, open, draft, merged, labels,"
    f" read_at) values ('acme/shop', {{number}}, '{A}', 'main', '{B}', true, false, false, '{{{{}}}}', now())"
)
_FILE = (
    f"insert into jangar_github.pr_snapshots values ('acme/shop', 7, '{A}', '{B}') on conflict do nothing;"
    " insert into jangar_github.pr_files (repository, pr_number, commit_sha, path_bytes, path, status, old_mode, new_mode,"
    f" old_blob, new_blob, source) values ('acme/shop', 7, '{A}', 'x', 'x', '{{status}}', '1', '1', '1', '1', '{{source}}')"
)
_WORKTREE = (
    "insert into jangar_github.pr_worktrees (repository, issue_number, pr_number, worktree_name, worktree_path,"
    " last_refreshed_at) values ('acme/shop', {issue}, {pull}, 'n', 'p', now())"
)
_WRITE = (
    "insert into jangar_github.write_actions (run_id, action, key, payload, lease_epoch, outcome, settled_at)"
    " select id, {action}, 'k', '{{}}', {epoch}, {outcome}, {settled} from codex_judge.runs"
)
_INTENT = _WRITE.format(action="'push'", epoch=1, outcome="null", settled="null")
_DENIAL = _WRITE.format(action="'push'", epoch="null", outcome="'denied'", settled="now()")
_EVENT = "insert into jangar_github.events (delivery_id, event_type, repository, payload, state) values ('d', 'e', 'r', '{{}}', '{}')"
_ONE_AN_ISSUE = {
    "issue_glances": "(repository, issue_number, glance, text_sha256) values ('acme/shop', 2, 'g', 't')",
    "triggers": "(repository, issue_number, name, actor, said) values ('acme/shop', 2, 'comment 5', 'ada', 's')",
    "refusals": "(repository, issue_number, code, actor, sentence) values ('acme/shop', 2, 'no_access', 'eve', 's')",
    "notices": "(repository, issue_number, purpose, body) values ('acme/shop', 2, 'refused', 'b')",
    "watched": "(repository) values ('acme/shop')",
}
_READ_REQUEST = (
    "insert into codex_judge.requests (run_id, kind, requested_by, source)"
    " select id, 'stop', 'ada', 'comment 5' from codex_judge.runs"
)
_SIGHTING = (
    "insert into jangar_github.sightings (repository, subject, kind, item, number, at, rank, tie, data)"
    " values ('acme/shop', '#7', 'rumour', '', 0, now(), 0, '', '{}')"
)
_FREEZE = (
    "insert into codex_judge.freezes (repository, lane, reason, set_by, lifted_by)"
    " values ({repository}, {lane}, '{reason}', 'ada', {lifted_by})"
)
_EVALUATION = (
    "insert into codex_judge.evaluations (run_id, decision, sha, reasons, missing_items, created_at)"
    f" select id, '{{decision}}', '{A}', '{{reasons}}', '{{{{}}}}', now() from codex_judge.runs"
)
_ARTIFACT = (
    "insert into codex_judge.artifacts (run_id, artifact, name, sha256, size, media_type, uri)"
    " select id, '{artifact}', 'n', '{sha256}', {size}, 't', 'u' from codex_judge.runs"
)
_REPORT = (
    "insert into codex_judge.test_reports (run_id, kind, sha, verdict, suites, at)"
    f" select id, '{{kind}}', '{A}', '{{verdict}}', '[]', now() from codex_judge.runs"
)
_LAUNCH = (
    "insert into codex_judge.launches (run_id, seq, selection, dagster_run_id, reason, costs_retry)"
    " select id, {seq}, '{{}}', '{run}', 'r', false from codex_judge.runs"
)
_FACT = (
    "insert into codex_judge.facts (run_id, seq, source, kind, data)"
    " select id, 1, '{source}', '{kind}', '{data}' from codex_judge.runs"
)
_RERUN = (
    "insert into codex_judge.rerun_submissions (parent_run_id, attempt, delivery_id)"
    " select id, {attempt}, '{delivery}' from codex_judge.runs"
)
_COMMENT = (
    "insert into jangar_github.comments (comment_id, comment_type, repository, issue_number, author_login, body, url,"
    " created_at, read_at) values (1, 'email', 'acme/shop', 2, 'a', 'b', 'u', now(), now())"
)
_CHECKS = f"insert into jangar_github.check_state values ('acme/shop', 7, '{A}', '{{}}', '{{}}', now())"
_REVIEWS = f"insert into jangar_github.review_state values ('acme/shop', 7, '{A}', '{{}}', 0, 0, now())"
_RECORD = (
    "insert into codex_judge.records (run_id, artifact, record, dagster_run_id, seconds)"
    " select id, 'merge', '{}', 'r', -1 from codex_judge.runs"
)
_REQUEST = "insert into codex_judge.requests (run_id, kind, requested_by) select id, 'dance', 'a' from codex_judge.runs"
_QUEUE = "insert into codex_judge.lane_queue (lane, run_id) select 'lane:x', id from codex_judge.runs"
_MESSAGE = (
    "insert into workflow_comms.agent_messages (run_id, dedupe_key, kind, role, content, timestamp)"
    " select id, 'd', 'k', 'r', 'c', now() from codex_judge.runs"
)
_MEMORY = (
    "insert into memories.entries (repository, issue_number, run_id, title, content, tags)"
    " select repository, issue_number, id, 't', 'c', '{}' from codex_judge.runs"
)


def _twice(statement: str) -> str:
    return f"{statement}; {statement}"


BROKEN = {
    "git_sha": _SET + "head_sha = 'abc1234'",
    "run_state": _SET + "state = 'notified'",
    "artifact_name": _ARTIFACT.format(artifact="screenshot", sha256="0" * 64, size=1),
    "runs_repository": _SET + "repository = 'Acme/shop'",
    "runs_issue_number": _SET + "issue_number = 0",
    "runs_attempt": _SET + "attempt = 0",
    "runs_kind": _SET + "kind = 'rerun'",
    "runs_mode": _SET + "mode = 'yolo'",
    "runs_pr_number": _SET + "pr_number = 0",
    "runs_ci_status": _SET + "ci_status = 'green'",
    "runs_infrastructure_retries": _SET + "infrastructure_retries = -1",
    "runs_active_seconds": _SET + "active_seconds = -1",
    "runs_human_from": _SET + "state = 'needs_human'",
    "runs_awaited": _SET + "awaited_what = 'ci'",
    "runs_one_of_each_attempt": _RUN.format(attempt=0, kind="revert"),
    "runs_one_live_attempt": _RUN.format(attempt=1, kind="implement"),
    "requests_kind": _REQUEST,
    "launches_seq": _LAUNCH.format(seq=0, run="a"),
    "launches_dagster_run": _LAUNCH.format(seq=1, run="a") + ";" + _LAUNCH.format(seq=2, run="a"),
    "launches_one_of_each_seq": _LAUNCH.format(seq=1, run="a") + ";" + _LAUNCH.format(seq=1, run="b"),
    "leases_epoch": "insert into codex_judge.leases values ('x', 'y', -1, now())",
    "leases_pkey": _twice("insert into codex_judge.leases values ('x', 'y', 1, now())"),
    "lane_queue_one_place": _twice(_QUEUE),
    "artifacts_sha256": _ARTIFACT.format(artifact="patch", sha256="abc", size=1),
    "artifacts_size": _ARTIFACT.format(artifact="patch", sha256="0" * 64, size=-1),
    "records_seconds": _RECORD,
    "test_reports_kind": _REPORT.format(kind="ci", verdict="passed"),
    "test_reports_verdict": _REPORT.format(kind="local", verdict="skipped"),
    "evaluations_decision": _EVALUATION.format(decision="fail", reasons="{}"),
    "evaluations_reasons": _EVALUATION.format(decision="pass", reasons="[]"),
    "rerun_submissions_attempt": _RERUN.format(attempt=1, delivery="d"),
    "rerun_submissions_delivery": _RERUN.format(attempt=2, delivery="d") + ";" + _RERUN.format(attempt=3, delivery="d"),
    "rerun_submissions_once": _RERUN.format(attempt=2, delivery="d") + ";" + _RERUN.format(attempt=2, delivery="e"),
    "facts_source": _FACT.format(source="", kind="k", data="{}"),
    "facts_kind": _FACT.format(source="git", kind="", data="{}"),
    "facts_data": _FACT.format(source="git", kind="k", data="[]"),
    "facts_one_of_each_seq": _twice(_FACT.format(source="git", kind="k", data="{}")),
    "events_delivery": _twice(_EVENT.format("received")),
    "events_state": _EVENT.format("lost"),
    "sightings_kind": _SIGHTING,
    **{f"{t}_pkey": _twice(f"insert into jangar_github.{t} {row}") for t, row in _ONE_AN_ISSUE.items()},
    "requests_source": _twice(_READ_REQUEST),
    "pr_state_number": _PULL.format(number=0),
    "pr_state_pkey": _twice(_PULL.format(number=7)),
    "check_state_checks": _PULL.format(number=7) + ";" + _CHECKS,
    "review_state_reviews": _PULL.format(number=7) + ";" + _REVIEWS,
    "comments_type": _COMMENT,
    "comments_pkey": _twice(_COMMENT.replace("email", "issue")),
    "pr_files_status": _FILE.format(status="touched", source="worktree"),
    "pr_files_source": _FILE.format(status="added", source="github"),
    "pr_files_one_of_each_path": _twice(_FILE.format(status="added", source="worktree")),
    "pr_worktrees_one_of_each_pull": _WORKTREE.format(issue=2, pull=7) + ";" + _WORKTREE.format(issue=3, pull=7),
    "pr_worktrees_one_of_each_issue": _twice(_WORKTREE.format(issue=2, pull="null")),
    "write_actions_action": _WRITE.format(action="'Push it'", epoch=1, outcome="null", settled="null"),
    "write_actions_outcome": _WRITE.format(action="'push'", epoch=1, outcome="'maybe'", settled="now()"),
    "write_actions_settled": _WRITE.format(action="'push'", epoch=1, outcome="'done'", settled="null"),
    "write_actions_fenced": _WRITE.format(action="'push'", epoch="null", outcome="'done'", settled="now()"),
    "write_actions_once": _twice(_INTENT),
    "write_actions_one_denial": _twice(
        _DENIAL.replace("payload,", "result, payload,").replace("'k',", """'k', '{"reason": "r"}',""")
    ),
    "agent_messages_dedupe": _twice(_MESSAGE),
    "entries_one_of_each_title": _twice(_MEMORY),
    "freezes_reason": _FREEZE.format(repository="null", lane="false", reason="", lifted_by="null"),
    "freezes_lane": _FREEZE.format(repository="null", lane="true", reason="r", lifted_by="null"),
    "freezes_lifted": _FREEZE.format(repository="null", lane="false", reason="r", lifted_by="'ada'"),
    "freezes_standing": _twice(_FREEZE.format(repository="null", lane="false", reason="r", lifted_by="null")),
}
# Keys that no statement can break: numbers that the database gives, and those that a table has only to be referred to.
_GIVEN = {
    "runs_pkey", "run_transitions_pkey", "requests_pkey", "lane_queue_pkey", "artifacts_pkey", "records_pkey",
    "test_reports_pkey", "evaluations_pkey", "rerun_submissions_pkey", "events_pkey", "pr_worktrees_pkey",
    "write_actions_pkey", "agent_messages_pkey", "entries_pkey", "check_state_pkey", "review_state_pkey",
    "review_threads_pkey", "sightings_pkey", "looks_pkey", "pr_snapshots_pkey", "oneshot_version_pkc",
    "freezes_pkey", "intake_lifts_pkey",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_the_database_holds(store: PostgresStore, sql: psycopg.Connection, name: str) -> None:
    intake(store)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation)) as caught:
        sql.execute(BROKEN[name])  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert caught.value.diag.constraint_name == name


def test_every_check_and_unique_key_has_a_case(sql: psycopg.Connection) -> None:
    ours = "n.nspname in ('codex_judge', 'jangar_github', 'workflow_comms', 'memories')"
    rows = sql.execute(
        f"""select conname from pg_constraint c join pg_namespace n on n.oid = c.connamespace
            where {ours} and contype in ('c', 'u', 'p')
            union select relname from pg_index i join pg_class c on c.oid = i.indexrelid
            join pg_namespace n on n.oid = c.relnamespace where {ours} and i.indisunique"""
    )
    assert {row[0] for row in rows} == BROKEN.keys() | _GIVEN


@pytest.mark.parametrize("table", ["facts", "run_transitions", "evaluations"])
@pytest.mark.parametrize("change", ["delete from {}", "truncate {}"])
def test_what_is_append_only_cannot_be_changed(
    store: PostgresStore, sql: psycopg.Connection, table: str, change: str
) -> None:
    intake(store)
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        sql.execute(change.format(f"codex_judge.{table}"))  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_a_fact_cannot_be_rewritten(store: PostgresStore, sql: psycopg.Connection) -> None:
    attempt = intake(store)
    store.facts.append(attempt.id, source="git", kind="k", sha=None, data={})
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        sql.execute("""update codex_judge.facts set data = '{"x": 1}'""")
