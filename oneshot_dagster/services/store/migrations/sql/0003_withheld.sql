-- A write action may also end withheld: in mode observe it is recorded with all that it would have written, and not done.
alter table jangar_github.write_actions drop constraint write_actions_outcome;
alter table jangar_github.write_actions add constraint write_actions_outcome
  check (outcome in ('done', 'refused', 'denied', 'failed', 'withheld'));
