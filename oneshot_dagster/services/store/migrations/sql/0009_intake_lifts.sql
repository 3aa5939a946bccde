-- When a person let a repository's changes be taken in again, although several in a row need a person.
create table codex_judge.intake_lifts (
  id bigint generated always as identity primary key,
  repository text not null,
  lifted_by text not null,
  lifted_at timestamptz not null default clock_timestamp()
);
create index intake_lifts_repository on codex_judge.intake_lifts (repository, lifted_at);
