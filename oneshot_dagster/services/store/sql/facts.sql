-- name: append
-- The next fact of an attempt; the counter on its row gives the number, and makes those who append at once wait.
with counted as (
  update codex_judge.runs set facts_count = facts_count + 1 where id = cast(:run_id as uuid)
  returning id, facts_count
)
insert into codex_judge.facts (run_id, seq, source, kind, sha, data)
select id, facts_count, :source, :kind, :sha, :data from counted

-- name: of
-- The facts of an attempt in their order.
select * from codex_judge.facts where run_id = cast(:run_id as uuid) order by seq
