-- name: lane_fence
-- Likewise the lane of an attempt: of its own repository and base.
select 1 from codex_judge.leases
where name = (select 'lane:' || repository || ':' || base from codex_judge.runs where id = cast(cast(:run_id as text) as uuid))
  and holder = :run_id and epoch = :epoch
for share

-- name: intend
-- The intent; no row where that key was intended before.
insert into jangar_github.write_actions (run_id, action, key, payload, lease_epoch, lane_epoch)
values (cast(:run_id as uuid), :action, :key, :payload, :lease_epoch, :lane_epoch)
on conflict do nothing
returning *

-- name: intended
-- The intent of a key, settled or not.
select * from jangar_github.write_actions
where run_id = cast(:run_id as uuid) and action = :action and key = :key and lease_epoch is not null

-- name: note
-- More of what the probe needs, of an intent whose effect the other side does in its own time.
update jangar_github.write_actions set
  payload = case when outcome is null then payload || :more else payload end
where id = cast(:id as uuid)
returning *

-- name: settle
-- What was observed. `done` is final: a later word on it changes nothing.
update jangar_github.write_actions set
  outcome = case when outcome = 'done' then outcome else :outcome end,
  result = case when outcome = 'done' then result else :result end,
  settled_at = case when outcome = 'done' then settled_at else clock_timestamp() end
where id = cast(:id as uuid)
returning *

-- name: of
-- All write actions of a change, oldest first.
select w.* from jangar_github.write_actions w join codex_judge.runs r on r.id = w.run_id
where r.repository = :repository and r.issue_number = :issue_number
order by w.created_at, w.id

-- name: deny
-- An action that was refused before any effect; the same denial again is one row.
insert into jangar_github.write_actions (run_id, action, key, payload, outcome, result, settled_at)
values (cast(:run_id as uuid), :action, :key, '{}', 'denied', :result, clock_timestamp())
on conflict do nothing
