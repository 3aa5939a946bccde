-- What holds merges of one repository or (null) of all, and a lane that nobody may enter. Lifted rows stay: who, when, why.
create table codex_judge.freezes (
  id bigint generated always as identity primary key,
  repository text,
  lane boolean not null,
  reason text not null constraint freezes_reason check (reason <> ''),
  set_by text not null,
  set_at timestamptz not null default clock_timestamp(),
  run_id uuid references codex_judge.runs,
  lifted_by text,
  lifted_at timestamptz,
  constraint freezes_lane check (not lane or repository is not null),
  constraint freezes_lifted check (num_nonnulls(lifted_by, lifted_at) in (0, 2))
);
create unique index freezes_standing on codex_judge.freezes (coalesce(repository, ''), lane) where lifted_at is null;
