-- codex_judge, part one: attempts, how they move, who may act for them.
create schema if not exists codex_judge;

create domain codex_judge.git_sha as text
  constraint git_sha check (value ~ '^([0-9a-f]{40}|[0-9a-f]{64})$');

create domain codex_judge.run_state as text
  constraint run_state check (value in (
    'queued', 'worktree_ready', 'implementing', 'testing', 'pr_ready', 'awaiting_ci', 'judging', 'merge_ready',
    'merged', 'deploying', 'verifying', 'completed', 'rolling_back', 'rolled_back',
    'needs_iteration', 'needs_human', 'cancelled', 'superseded'));

create domain codex_judge.artifact_name as text
  constraint artifact_name check (value in (
    'worktree', 'patch', 'local_test_report', 'pull_request', 'file_snapshot', 'check_state',
    'evaluation', 'merge', 'deployment', 'verification_report', 'evidence'));

-- One attempt of a change, from intake on; base, head, prompt and the issue's columns never change afterwards.
create table codex_judge.runs (
  id uuid primary key default gen_random_uuid(),
  repository text not null
    constraint runs_repository check (repository ~ '^[a-z0-9][a-z0-9-]{0,38}/[a-z0-9_.-]{1,100}$'),
  issue_number bigint not null constraint runs_issue_number check (issue_number > 0),
  attempt integer not null constraint runs_attempt check (attempt > 0),
  kind text not null constraint runs_kind check (kind in ('implement', 'revert')),
  state codex_judge.run_state not null,
  mode text not null constraint runs_mode check (mode in ('observe', 'propose', 'merge')),
  base text not null,
  head text not null,
  prompt text not null,
  issue_title text not null,
  issue_body text not null,
  issue_sha256 text not null,
  issue_author text not null,
  triggered_by text not null,
  policy text not null,
  base_sha codex_judge.git_sha,
  head_sha codex_judge.git_sha,
  judged_sha codex_judge.git_sha,
  merge_sha codex_judge.git_sha,
  merged_by text,
  deployed_sha codex_judge.git_sha,
  verified_sha codex_judge.git_sha,
  verified_at timestamptz,
  pr_number integer constraint runs_pr_number check (pr_number > 0),
  pr_url text,
  ci_status text constraint runs_ci_status check (ci_status in ('pending', 'success', 'failure', 'did_not_run')),
  reason text not null default '',
  next_prompt text,
  human_from codex_judge.run_state,
  human_reason text,
  awaited_what text,
  awaited_since timestamptz,
  awaited_deadline timestamptz,
  agent_resume text,
  evidence_head text,
  facts_count bigint not null default 0,
  infrastructure_retries integer not null default 0
    constraint runs_infrastructure_retries check (infrastructure_retries >= 0),
  active_seconds double precision not null default 0 constraint runs_active_seconds check (active_seconds >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint runs_one_of_each_attempt unique (repository, issue_number, attempt),
  constraint runs_human_from check (state <> 'needs_human' or human_from is not null),
  constraint runs_awaited check (num_nonnulls(awaited_what, awaited_since, awaited_deadline) in (0, 3))
);
-- needs_human is live because a person can resume it; a revert is live beside the attempt that it takes back.
create unique index runs_one_live_attempt on codex_judge.runs (repository, issue_number, kind)
  where state not in ('completed', 'cancelled', 'superseded', 'needs_iteration');
create index runs_of_a_pull on codex_judge.runs (repository, pr_number);
create index runs_unfinished on codex_judge.runs (state) where state <> 'completed' or evidence_head is null;
create index runs_verified on codex_judge.runs (repository, base, verified_at desc) where verified_sha is not null;

create table codex_judge.run_transitions (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  source codex_judge.run_state,
  target codex_judge.run_state not null,
  reason text not null,
  cause text not null,
  at timestamptz not null default clock_timestamp()
);
create index run_transitions_run on codex_judge.run_transitions (run_id, id);

-- A person's command to an attempt, kept until a step has handled it.
create table codex_judge.requests (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  kind text not null constraint requests_kind
    check (kind in ('stop', 'hold', 'resume', 'retry', 'approve', 'answer')),
  requested_by text not null,
  sha text,
  text text not null default '',
  at timestamptz not null default clock_timestamp(),
  handled_at timestamptz
);
create index requests_run on codex_judge.requests (run_id, id);
create index requests_open on codex_judge.requests (run_id) where handled_at is null;

-- A Dagster run that was or will be started for an attempt; the row is written before the start.
create table codex_judge.launches (
  run_id uuid not null references codex_judge.runs,
  seq integer not null constraint launches_seq check (seq > 0),
  selection text[] not null,
  dagster_run_id text not null constraint launches_dagster_run unique,
  reason text not null,
  costs_retry boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint launches_one_of_each_seq primary key (run_id, seq)
);

-- Who acts for a change, or holds a lane (`lane:<repository>:<base>`, holder = attempt). An empty holder is nobody.
create table codex_judge.leases (
  name text primary key,
  holder text not null,
  epoch bigint not null constraint leases_epoch check (epoch >= 0),
  expires_at timestamptz not null
);

-- Who asked for a lane and has not left it, in the order of asking.
create table codex_judge.lane_queue (
  id bigint generated always as identity primary key,
  lane text not null,
  run_id uuid not null references codex_judge.runs,
  asked_at timestamptz not null default clock_timestamp(),
  constraint lane_queue_one_place unique (lane, run_id)
);
