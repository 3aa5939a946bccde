-- codex_judge, part two: what the steps of an attempt left.

-- A stored file by content; of one name the newest row counts.
create table codex_judge.artifacts (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  artifact codex_judge.artifact_name not null,
  name text not null,
  sha256 text not null constraint artifacts_sha256 check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null constraint artifacts_size check (size >= 0),
  media_type text not null,
  uri text not null,
  created_at timestamptz not null default clock_timestamp()
);
create index artifacts_run on codex_judge.artifacts (run_id, name, id);

-- What one step said that it left, so that it can be shown again; json keeps the order of its entries.
create table codex_judge.records (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  artifact codex_judge.artifact_name not null,
  record json not null,
  sha codex_judge.git_sha,
  dagster_run_id text not null,
  seconds double precision not null constraint records_seconds check (seconds >= 0),
  at timestamptz not null default clock_timestamp()
);
create index records_run on codex_judge.records (run_id, artifact, id);

create table codex_judge.test_reports (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  kind text not null constraint test_reports_kind check (kind in ('local', 'verification')),
  sha codex_judge.git_sha not null,
  verdict text not null constraint test_reports_verdict check (verdict in ('passed', 'failed', 'did_not_run')),
  suites json not null,
  at timestamptz not null
);
create index test_reports_run on codex_judge.test_reports (run_id, kind, sha, id);

-- Append-only; the newest counts. `reasons.error` is a machine code.
create table codex_judge.evaluations (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  decision text not null constraint evaluations_decision
    check (decision in ('pass', 'needs_iteration', 'needs_human')),
  sha codex_judge.git_sha not null,
  reasons jsonb not null constraint evaluations_reasons check (jsonb_typeof(reasons) = 'object'),
  missing_items text[] not null,
  next_prompt text,
  model text,
  prompt_sha256 text,
  raw_output text,
  created_at timestamptz not null
);
create index evaluations_run on codex_judge.evaluations (run_id, id);

-- That an attempt asked for the next one; the row is the submission.
create table codex_judge.rerun_submissions (
  id bigint generated always as identity primary key,
  parent_run_id uuid not null references codex_judge.runs,
  attempt integer not null constraint rerun_submissions_attempt check (attempt > 1),
  delivery_id text not null constraint rerun_submissions_delivery unique,
  created_at timestamptz not null default clock_timestamp(),
  constraint rerun_submissions_once unique (parent_run_id, attempt)
);

-- The lines of the evidence as they happen; seq is dense within an attempt.
create table codex_judge.facts (
  run_id uuid not null references codex_judge.runs,
  seq bigint not null,
  at timestamptz not null default clock_timestamp(),
  source text not null constraint facts_source check (source <> ''),
  kind text not null constraint facts_kind check (kind <> ''),
  sha text,
  data jsonb not null constraint facts_data check (jsonb_typeof(data) = 'object'),
  constraint facts_one_of_each_seq primary key (run_id, seq)
);

create function codex_judge.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger append_only before update or delete or truncate on codex_judge.facts
  for each statement execute function codex_judge.refuse_change();
create trigger append_only before update or delete or truncate on codex_judge.run_transitions
  for each statement execute function codex_judge.refuse_change();
create trigger append_only before update or delete or truncate on codex_judge.evaluations
  for each statement execute function codex_judge.refuse_change();
