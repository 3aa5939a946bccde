-- name: add
-- A launch, and its price; no row where that seq, or that Dagster run, is registered already.
with made as (
  insert into codex_judge.launches (run_id, seq, selection, dagster_run_id, reason, costs_retry)
  values (cast(:run_id as uuid), :seq, :selection, :dagster_run_id, :reason, :costs_retry)
  on conflict do nothing
  returning *
), price as (
  update codex_judge.runs r set infrastructure_retries = r.infrastructure_retries + 1, updated_at = now()
  from made where r.id = made.run_id and made.costs_retry
)
select * from made

-- name: of
-- The launches of an attempt, oldest first.
select * from codex_judge.launches where run_id = cast(:run_id as uuid) order by seq

-- name: by_run
-- The launch that started a Dagster run.
select * from codex_judge.launches where dagster_run_id = :dagster_run_id
