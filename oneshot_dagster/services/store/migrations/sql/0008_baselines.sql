-- A report may also be a baseline: the verification's suites as they ended before the deployment.
alter table codex_judge.test_reports drop constraint test_reports_kind;
alter table codex_judge.test_reports add constraint test_reports_kind check (kind in ('local', 'verification', 'baseline'));
