-- workflow_comms and memories: what agents said, and what was learned.
create schema if not exists workflow_comms;
create schema if not exists memories;

create table workflow_comms.agent_messages (
  id bigint generated always as identity primary key,
  run_id uuid not null references codex_judge.runs,
  dedupe_key text not null constraint agent_messages_dedupe unique,
  kind text not null,
  role text not null,
  content text not null,
  attrs jsonb not null default '{}',
  "timestamp" timestamptz not null,
  created_at timestamptz not null default clock_timestamp()
);
create index agent_messages_run on workflow_comms.agent_messages (run_id, "timestamp", id);

-- The embedding is optional: recall is by full text.
create table memories.entries (
  id bigint generated always as identity primary key,
  repository text not null,
  issue_number bigint not null,
  run_id uuid not null references codex_judge.runs,
  title text not null,
  content text not null,
  tags text[] not null,
  embedding real[],
  search tsvector generated always as (
    setweight(to_tsvector('english', left(title, 1000)), 'A')
    || setweight(to_tsvector('english', left(content, 100000)), 'B')) stored,
  created_at timestamptz not null default clock_timestamp(),
  constraint entries_one_of_each_title unique (run_id, title)
);
create index entries_search on memories.entries using gin (search);
create index entries_repository on memories.entries (repository);
