-- name: due
-- The unfinished attempts but those that rest: looked at, and since then nothing was written, asked for or heard of them;
-- and who holds the lane that they wait for has not stopped, or begun to wait for a person, since then. And what was completed
-- while somebody asked to take it back.
-- A statement that began before the look may have ended after it: six seconds are longer than one may wait for a lock.
select r.* from codex_judge.runs r
left join codex_judge.looks l on l.run_id = r.id
where (r.state <> 'completed' or r.evidence_head is null)
  and (
    r.state not in ('completed', 'cancelled', 'superseded', 'needs_iteration', 'needs_human')
    or r.evidence_head is null
    or (r.state = 'needs_iteration' and not exists (
      select from codex_judge.runs n
      where n.repository = r.repository and n.issue_number = r.issue_number
        and n.kind <> 'revert' and n.attempt > r.attempt))
    or (r.state = 'needs_human' and exists (
      select from codex_judge.requests q where q.run_id = r.id and q.handled_at is null))
  )
  and (
    l.due is null or l.due <= clock_timestamp()
    or r.updated_at > l.read_at - interval '6 s'
    or l.woken_at > l.read_at - interval '6 s'
    or exists (
      select from codex_judge.requests q
      where q.run_id = r.id and q.handled_at is null and q.at > l.read_at - interval '6 s')
    or (r.awaited_what = 'lane' and exists (
      select from codex_judge.leases n join codex_judge.runs h on h.id = cast(nullif(n.holder, '') as uuid)
      where n.name = 'lane:' || r.repository || ':' || r.base and h.updated_at > l.read_at - interval '6 s'
        and (h.awaited_what in ('review', 'merge')
          or h.state in ('completed', 'needs_iteration', 'needs_human', 'cancelled', 'superseded'))))
  )
union all
select r.* from codex_judge.runs r
where r.state = 'completed' and r.evidence_head is not null
  and r.id in (select q.run_id from codex_judge.requests q where q.handled_at is null and q.kind = 'rollback')
order by created_at, id

-- name: rest
-- Looked at with what was so at `read_at`; without `until` only something new makes it due.
insert into codex_judge.looks as l (run_id, read_at, due)
values (cast(:id as uuid), :read_at, coalesce(cast(:until as timestamptz), 'infinity'))
on conflict (run_id) do update set read_at = excluded.read_at, due = excluded.due

-- name: wake
-- Something was heard of these changes: their attempts are due, and whoever waits for them is told.
with named as (
  select distinct repository, issue_number
  from jsonb_to_recordset(:keys) as k (repository text, issue_number bigint)
), woken as (
  insert into codex_judge.looks as l (run_id, woken_at)
  select r.id, clock_timestamp() from codex_judge.runs r join named using (repository, issue_number)
  on conflict (run_id) do update set woken_at = excluded.woken_at
)
select pg_notify('oneshot', repository || '#' || issue_number) from named

-- name: rouse
-- Every attempt is due: settings may have changed.
update codex_judge.looks set due = null

-- name: called
-- Those that wait for a lane and were woken since they were looked at: their turn has come.
select r.* from codex_judge.looks l join codex_judge.runs r on r.id = l.run_id
where r.awaited_what = 'lane' and l.woken_at > coalesce(l.read_at, '-infinity')

-- name: unseen
-- Parked attempts that wait for GitHub and were not glanced at for so long, the longest unseen first.
select r.* from codex_judge.runs r
left join codex_judge.looks l on l.run_id = r.id
where r.awaited_what in ('ci', 'review', 'head_moved', 'merge', 'landing') and r.finished_at is null and r.pr_number is not null
  and (l.glanced_at is null or l.glanced_at < clock_timestamp() - make_interval(secs => :seconds))
order by l.glanced_at nulls first, r.id
limit :limit

-- name: glanced
-- When anything was glanced at last.
select max(glanced_at) as at from codex_judge.looks

-- name: seen
-- What each showed in passing; the changes of which it differs from the last time, the first glance included.
with given as (
  select cast(g.id as uuid) as id, g.glance from jsonb_to_recordset(:glances) as g (id text, glance text)
), before as (
  select g.id, g.glance, l.glance as last from given g left join codex_judge.looks l on l.run_id = g.id
), written as (
  insert into codex_judge.looks as l (run_id, glance, glanced_at)
  select id, glance, coalesce(cast(:at as timestamptz), clock_timestamp()) from before
  on conflict (run_id) do update set glance = excluded.glance, glanced_at = excluded.glanced_at
)
select r.repository, r.issue_number from before b join codex_judge.runs r on r.id = b.id
where b.last is distinct from b.glance
