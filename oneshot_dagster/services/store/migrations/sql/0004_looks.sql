-- When the resumer looks at an attempt again, and what GitHub showed of it in passing. No row, or due null: at its next tick.
create table codex_judge.looks (
  run_id uuid primary key references codex_judge.runs on delete cascade,
  read_at timestamptz,
  due timestamptz,
  woken_at timestamptz,
  glance text,
  glanced_at timestamptz
);
create index runs_waiting on codex_judge.runs (awaited_what) where awaited_what is not null;
