-- name: set
-- A freeze, or a stopped lane; where one stands there already, that one as it was set.
with made as (
  insert into codex_judge.freezes (repository, lane, reason, set_by, run_id)
  values (cast(:repository as text), :lane, :reason, :by, cast(cast(:run_id as text) as uuid))
  on conflict do nothing
  returning *
)
select *, true as made from made
union all
select *, false from codex_judge.freezes
where lifted_at is null and repository is not distinct from cast(:repository as text) and lane = :lane and not exists (select from made)

-- name: standing
-- What stands now, of one repository (what is of all repositories included) or, without a name, anywhere.
select * from codex_judge.freezes
where lifted_at is null
  and (cast(:repository as text) is null or repository is null or repository = :repository)
order by lane desc, set_at, id

-- name: spans
-- What stood at any time since then, and from when until when; of stopped lanes alone, or of both.
select set_at, lifted_at from codex_judge.freezes
where (repository is null or repository = :repository)
  and (lifted_at is null or lifted_at > :since) and (lane or not :lane)

-- name: lift
-- Lifts what was set by exactly that name; null is what was set for all repositories.
update codex_judge.freezes set lifted_by = :by, lifted_at = clock_timestamp()
where lifted_at is null and repository is not distinct from cast(:repository as text)
returning *
