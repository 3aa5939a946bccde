-- jangar_github: what GitHub told us, what git says of a pull request's files, and what we did there.
create schema if not exists jangar_github;

-- A delivery as it came; projections are made from it in a second step.
create table jangar_github.events (
  id bigint generated always as identity primary key,
  delivery_id text not null constraint events_delivery unique,
  event_type text not null,
  action text,
  repository text not null,
  issue_number bigint,
  pr_number integer,
  commit_sha text,
  sender_login text,
  payload jsonb not null,
  state text not null default 'received' constraint events_state check (state in ('received', 'processed', 'dead')),
  tries integer not null default 0,
  error text,
  received_at timestamptz not null default clock_timestamp(),
  processed_at timestamptz
);
create index events_waiting on jangar_github.events (id) where state = 'received';

create table jangar_github.pr_state (
  repository text not null,
  pr_number integer not null constraint pr_state_number check (pr_number > 0),
  head_sha codex_judge.git_sha not null,
  base_ref text not null,
  base_sha codex_judge.git_sha not null,
  open boolean not null,
  draft boolean not null,
  merged boolean not null,
  merge_sha codex_judge.git_sha,
  merged_by text,
  mergeable_state text,
  labels text[] not null,
  read_at timestamptz not null,
  primary key (repository, pr_number)
);

-- Check runs and commit statuses of one commit, as read last. What they amount to is the gate's to say.
create table jangar_github.check_state (
  repository text not null,
  pr_number integer not null,
  commit_sha codex_judge.git_sha not null,
  checks jsonb not null constraint check_state_checks check (jsonb_typeof(checks) = 'array'),
  required_contexts text[] not null,
  read_at timestamptz not null,
  primary key (repository, pr_number, commit_sha),
  foreign key (repository, pr_number) references jangar_github.pr_state on delete cascade
);

create table jangar_github.review_state (
  repository text not null,
  pr_number integer not null,
  commit_sha codex_judge.git_sha not null,
  reviews jsonb not null constraint review_state_reviews check (jsonb_typeof(reviews) = 'array'),
  required_approvals integer not null,
  unresolved_threads_count integer not null,
  read_at timestamptz not null,
  primary key (repository, pr_number),
  foreign key (repository, pr_number) references jangar_github.pr_state on delete cascade
);

create table jangar_github.review_threads (
  repository text not null,
  pr_number integer not null,
  thread_id text not null,
  is_resolved boolean not null,
  path text,
  line integer,
  author_login text not null,
  body text not null,
  read_at timestamptz not null,
  primary key (repository, pr_number, thread_id),
  foreign key (repository, pr_number) references jangar_github.pr_state on delete cascade
);

create table jangar_github.comments (
  comment_id bigint primary key,
  comment_type text not null constraint comments_type check (comment_type in ('issue', 'review')),
  repository text not null,
  issue_number bigint not null,
  thread_id text,
  author_login text not null,
  body text not null,
  path text,
  line integer,
  url text not null,
  created_at timestamptz not null,
  read_at timestamptz not null
);
create index comments_issue on jangar_github.comments (repository, issue_number, created_at);

-- That a snapshot was taken: one without files is empty, a commit without a row was not looked at.
create table jangar_github.pr_snapshots (
  repository text not null,
  pr_number integer not null,
  commit_sha codex_judge.git_sha not null,
  base_sha codex_judge.git_sha not null,
  taken_at timestamptz not null default clock_timestamp(),
  primary key (repository, pr_number, commit_sha)
);

-- One path of a snapshot. path_bytes is the identity (hashed in the key, since a path may outgrow an index entry).
create table jangar_github.pr_files (
  repository text not null,
  pr_number integer not null,
  commit_sha codex_judge.git_sha not null,
  path_bytes bytea not null,
  path text not null,
  status text not null constraint pr_files_status
    check (status in ('added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed')),
  old_path_bytes bytea,
  old_mode text not null,
  new_mode text not null,
  old_blob text not null,
  new_blob text not null,
  additions bigint,
  deletions bigint,
  patch text,
  patch_omitted text,
  source text not null default 'worktree' constraint pr_files_source check (source = 'worktree'),
  foreign key (repository, pr_number, commit_sha) references jangar_github.pr_snapshots on delete cascade
);
create unique index pr_files_one_of_each_path
  on jangar_github.pr_files (repository, pr_number, commit_sha, sha256(path_bytes));

create table jangar_github.pr_worktrees (
  id uuid primary key default gen_random_uuid(),
  repository text not null,
  issue_number bigint not null,
  pr_number integer,
  worktree_name text not null,
  worktree_path text not null,
  base_sha codex_judge.git_sha,
  head_sha codex_judge.git_sha,
  last_refreshed_at timestamptz not null,
  constraint pr_worktrees_one_of_each_pull unique (repository, pr_number),
  constraint pr_worktrees_one_of_each_issue unique (repository, issue_number)
);

-- One intended effect on the outside world; without an outcome it waits for its probe.
create table jangar_github.write_actions (
  id uuid primary key default gen_random_uuid(),
  run_id uuid not null references codex_judge.runs,
  action text not null constraint write_actions_action check (action ~ '^[a-z][a-z_]*$'),
  key text not null,
  payload jsonb not null,
  lease_epoch bigint,
  lane_epoch bigint,
  outcome text constraint write_actions_outcome check (outcome in ('done', 'refused', 'denied', 'failed')),
  result jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  constraint write_actions_settled check ((outcome is null) = (settled_at is null)),
  constraint write_actions_fenced check (lease_epoch is not null or outcome is not distinct from 'denied')
);
-- A denial does not occupy the key: when what forbade the action has passed, it can be intended.
create unique index write_actions_once on jangar_github.write_actions (run_id, action, key) where lease_epoch is not null;
create unique index write_actions_one_denial on jangar_github.write_actions (run_id, action, key, md5(result ->> 'reason'))
  where lease_epoch is null;
