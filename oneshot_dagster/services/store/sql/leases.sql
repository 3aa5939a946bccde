-- name: take
-- Takes a lease that is free, expired or the holder's own, with the next epoch; no row while another holder lives.
insert into codex_judge.leases as held (name, holder, epoch, expires_at)
values (:name, :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
on conflict (name) do update set
  holder = excluded.holder,
  epoch = held.epoch + 1,
  expires_at = clock_timestamp() + make_interval(secs => :seconds)
where held.holder in ('', excluded.holder) or held.expires_at <= clock_timestamp()
returning *, false as expired

-- name: renew
-- Keeps a lease; no row changes where somebody took it, or it was released, or ran out.
update codex_judge.leases set expires_at = clock_timestamp() + make_interval(secs => :seconds)
where name = :name and holder = :holder and epoch = :epoch and expires_at > clock_timestamp()

-- name: release
-- Gives a lease back; the epoch stays, so that it never repeats.
update codex_judge.leases set holder = '', expires_at = clock_timestamp()
where name = :name and holder = :holder and epoch = :epoch

-- name: current
-- Who holds a lease, or held it last; no row where it was never taken.
select *, expires_at <= clock_timestamp() as expired from codex_judge.leases where name = :name and epoch > 0

-- name: fence
-- Locks a lease against being taken until what is written under it stands; no row where the epoch is not current, or where
-- it ran out: then others act for the change already, without taking it.
select 1 from codex_judge.leases
where name = :name and holder = :holder and epoch = :epoch and expires_at > clock_timestamp()
for share

-- name: epoch
-- The epoch of a lease, locked likewise for who does not hold it; no row where it was never taken.
select epoch from codex_judge.leases where name = :name for share

-- name: lane_ensure
-- A lane has a row from the first asking on.
insert into codex_judge.leases (name, holder, epoch, expires_at) values (:lane, '', 0, clock_timestamp())
on conflict do nothing

-- name: lane_lock
-- One asker of a lane at a time. What follows must be statements of their own: this one's snapshot is from before the wait.
select 1 from codex_judge.leases where name = :lane for update

-- name: lane_holder
-- Who holds a lane, and whether it is free all the same. A lane does not expire by time: its holder is an attempt, and
-- it is free when that attempt has stopped, or waits for a person. From the first effect in the lane on it keeps it, whatever
-- it waits for; while its branch is brought up to date too, so that nobody else of ours moves the base meanwhile.
-- A revert takes the lane over from the attempt of its own change that it rolls back, and keeps it until it is completed:
-- what it could not take back is still in the base. What is rolled back holds it no more, also where a person did that.
select h.id::text = :run_id as ours, h.repository, h.issue_number, h.state,
  h.state in ('completed', 'cancelled', 'superseded')
    or (h.kind <> 'revert' and case h.state when 'needs_human' then h.human_from else h.state end
      in ('needs_iteration', 'rolled_back'))
    or (h.kind <> 'revert' and h.merge_sha is null
      and case h.state when 'needs_human' then h.human_from else h.state end in (
        'queued', 'worktree_ready', 'implementing', 'testing', 'pr_ready', 'awaiting_ci', 'judging', 'merge_ready')
      and (h.state = 'needs_human' or h.awaited_what in ('review', 'merge') or exists (
        select from codex_judge.requests q where q.run_id = h.id and q.kind = 'hold' and q.handled_at is null))
      and not exists (
        select from jangar_github.write_actions w
        where w.run_id = h.id and w.lane_epoch is not null and (w.outcome is null or w.outcome = 'done')))
    or (:kind = 'revert' and h.state in ('rolling_back', 'needs_human')
      and h.repository = :repository and h.issue_number = :issue_number) as free
from codex_judge.leases l join codex_judge.runs h on h.id = cast(nullif(l.holder, '') as uuid)
where l.name = :lane

-- name: lane_queue
-- A place in the queue, once.
insert into codex_judge.lane_queue (lane, run_id) values (:lane, cast(:run_id as uuid)) on conflict do nothing

-- name: lane_first
-- Who is first in the queue: rollbacks, then what a person has merged, because it is on the base already, then by the order
-- of asking. Others than the asker count only while they are ready; one whose head moved, or that waits for a person, keeps
-- its place but holds nobody up.
select q.run_id::text = :run_id as ours, r.repository, r.issue_number, r.state
from codex_judge.lane_queue q join codex_judge.runs r on r.id = q.run_id
left join jangar_github.pr_state p on p.repository = r.repository and p.pr_number = r.pr_number and p.merged
where q.lane = :lane
  and (q.run_id::text = :run_id or (
    (r.state in ('merge_ready', 'merged', 'deploying', 'verifying', 'rolling_back')
      or (r.state = 'awaiting_ci' and r.awaited_what = 'lane'))
    and (r.state <> 'merge_ready' or p.merged or (r.awaited_what is distinct from 'merge' and not exists (
      select from codex_judge.requests w where w.run_id = r.id and w.kind = 'hold' and w.handled_at is null)))))
order by (r.kind = 'revert') desc, p.merged is null, q.id
limit 1

-- name: lane_take
-- The lane is the attempt's, under the next epoch.
update codex_judge.leases
set holder = :run_id, epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => :seconds)
where name = :lane
returning *, false as expired

-- name: lane_keep
-- An attempt that asks again holds its lane under the same epoch: the epoch is that of the holding, not of a process.
update codex_judge.leases set expires_at = clock_timestamp() + make_interval(secs => :seconds)
where name = :lane
returning *, false as expired

-- name: lane_raise
-- The next epoch for who holds the lane: whoever read it before, and stalls, holds an old one.
update codex_judge.leases set epoch = epoch + 1 where name = :lane and holder = :run_id returning epoch

-- name: lane_leave
-- Leaves the queue.
delete from codex_judge.lane_queue where lane = :lane and run_id::text = :run_id

-- name: lane_release
-- Gives the lane back.
update codex_judge.leases set holder = '', expires_at = clock_timestamp() where name = :lane and holder = :run_id

-- name: lane_wake
-- Who is first of those that wait for a lane is due, and the pump is told: the others would be behind it again.
with first as (
  select r.id from codex_judge.lane_queue q join codex_judge.runs r on r.id = q.run_id
  left join jangar_github.pr_state p on p.repository = r.repository and p.pr_number = r.pr_number and p.merged
  where q.lane = :lane and r.awaited_what = 'lane'
  order by (r.kind = 'revert') desc, p.merged is null, q.id
  limit 1
), woken as (
  insert into codex_judge.looks as l (run_id, woken_at) select id, clock_timestamp() from first
  on conflict (run_id) do update set woken_at = excluded.woken_at
)
select pg_notify('oneshot_events', '') from first

-- name: lane_epoch
-- The epoch under which an attempt holds a lane.
select epoch from codex_judge.leases where name = :lane and holder = :run_id
