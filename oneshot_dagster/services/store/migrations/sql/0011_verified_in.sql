-- What was verified was verified in an environment, and is brought back only there.
alter table codex_judge.runs add column verified_in text;
update codex_judge.runs r set verified_in = (
  select d.record -> 'shown' ->> 'environment' from codex_judge.records d
  where d.run_id = r.id and d.artifact = 'deployment'
  order by d.id desc limit 1)
where verified_sha is not null;
