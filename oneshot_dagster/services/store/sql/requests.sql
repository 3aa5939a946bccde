-- name: add
-- A person's command; whoever waits for the change is woken. No row where one of that source is there already.
with made as (
  insert into codex_judge.requests (run_id, kind, requested_by, sha, text, source)
  values (cast(:run_id as uuid), :kind, :by, :sha, :text, :source)
  on conflict (source) do nothing
  returning *
)
select made.*, pg_notify('oneshot', r.repository || '#' || r.issue_number)
from made join codex_judge.runs r on r.id = made.run_id

-- name: of_source
-- The one that was read out of one place.
select * from codex_judge.requests where source = :source

-- name: open
-- Those not handled yet, oldest first.
select * from codex_judge.requests where run_id = cast(:run_id as uuid) and handled_at is null order by id

-- name: of
-- All of an attempt, oldest first.
select * from codex_judge.requests where run_id = cast(:run_id as uuid) order by id

-- name: handle
-- Marks one as handled, once.
update codex_judge.requests set handled_at = clock_timestamp() where id = :id and handled_at is null
