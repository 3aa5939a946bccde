-- name: add
-- Deliveries in their order, and nothing else; whoever projects is told. A second one of the same id changes nothing.
with added as (
  insert into jangar_github.events (
    delivery_id, event_type, action, repository, issue_number, pr_number, commit_sha, sender_login, payload)
  select delivery_id, event_type, action, repository, issue_number, pr_number, commit_sha, sender_login,
    cast(body as jsonb)
  from unnest(
    cast(:delivery_id as text[]), cast(:event_type as text[]), cast(:action as text[]), cast(:repository as text[]),
    cast(:issue_number as bigint[]), cast(:pr_number as integer[]), cast(:commit_sha as text[]),
    cast(:sender_login as text[]), cast(:body as text[])
  ) with ordinality as e (
    delivery_id, event_type, action, repository, issue_number, pr_number, commit_sha, sender_login, body, place)
  order by place
  on conflict (delivery_id) do nothing
  returning id
)
select id, pg_notify('oneshot_events', '') from added

-- name: may_project
-- Not while somebody starts a replay, who waits for those who project.
select pg_try_advisory_xact_lock_shared(hashtextextended('projecting', 0)) as free

-- name: stop_projecting
-- Until this transaction ends nobody projects.
select pg_advisory_xact_lock(hashtextextended('projecting', 0))

-- name: waiting
-- The ids of what is to be projected next.
select id from jangar_github.events
where state = 'received' and (not_before is null or not_before <= clock_timestamp())
order by id
limit :most

-- name: take
-- What is to be projected next, ours until the transaction ends; `only` names one. What somebody else has is left to him.
select id, event_type, payload from jangar_github.events
where state = 'received' and (not_before is null or not_before <= clock_timestamp())
  and (cast(:only as bigint) is null or id = :only)
order by id
limit :most
for update skip locked

-- name: settle
-- Projected, or dead with the reason.
update jangar_github.events e set
  state = case when x.error is null then 'processed' else 'dead' end,
  error = x.error, tries = tries + 1, not_before = null, processed_at = clock_timestamp()
from jsonb_to_recordset(:settled) as x (id bigint, error text)
where e.id = x.id

-- name: refused
-- The database did not take it: again in 10, 20, 40 and 80 s, and then never.
update jangar_github.events set
  state = case when tries + 1 >= 5 then 'dead' else state end,
  error = :error, tries = tries + 1, not_before = clock_timestamp() + interval '10 s' * power(2, tries),
  processed_at = case when tries + 1 >= 5 then clock_timestamp() end
where id = :id and state = 'received'
returning state

-- name: touched
-- The changes that an event is about and that are not over, by the names they are known by.
select distinct r.repository, r.issue_number
from codex_judge.runs r
cross join lateral (values
  ('issue', r.issue_number::text), ('pull', r.pr_number::text), ('commit', r.head_sha::text), ('branch', r.head)
) as known (what, name)
join jsonb_to_recordset(:mentions) as m (repository text, what text, name text)
  on m.repository = r.repository and m.what = known.what and m.name = known.name
where r.state not in ('completed', 'cancelled', 'superseded')

-- name: listed
-- Deliveries, the newest first.
select id, delivery_id, event_type, action, repository, state, tries, error, received_at from jangar_github.events
where cast(:state as text) is null or state = :state
order by id desc
limit :most

-- name: standing
-- How many there are of each state, the oldest that is kept and the last that is dead.
select
  count(*) filter (where state = 'received') as waiting,
  count(*) filter (where state = 'processed') as processed,
  count(*) filter (where state = 'dead') as dead,
  min(received_at) as oldest,
  (array_agg(error order by id desc) filter (where state = 'dead'))[1] as last_error
from jangar_github.events

-- name: again
-- To be projected once more, the dead too.
update jangar_github.events set state = 'received', tries = 0, error = null, not_before = null, processed_at = null
where cast(:since as timestamptz) is null or received_at >= :since
