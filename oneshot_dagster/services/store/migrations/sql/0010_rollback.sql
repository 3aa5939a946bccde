-- A person may ask for a merged change to be taken back.
alter table codex_judge.requests drop constraint requests_kind, add constraint requests_kind
  check (kind in ('stop', 'hold', 'resume', 'retry', 'approve', 'answer', 'rollback'));
