-- name: create
-- A new attempt in `queued` with its first transition; no row where its number, or a live one, exists already.
with made as (
  insert into codex_judge.runs (
    repository, issue_number, attempt, kind, state, mode, base, head, prompt,
    issue_title, issue_body, issue_sha256, issue_author, triggered_by, policy, reason, next_prompt)
  values (
    :repository, :issue_number, :attempt, :kind, 'queued', :mode, :base, :head, :prompt,
    :issue_title, :issue_body, :issue_sha256, :issue_author, :triggered_by, :policy, :reason, :next_prompt)
  on conflict do nothing
  returning *
), step as (
  insert into codex_judge.run_transitions (run_id, source, target, reason, cause)
  select id, null, 'queued', reason, :cause from made
)
select made.*, pg_notify('oneshot', repository || '#' || issue_number) from made

-- name: existing
-- What stood in the way of `create`: the attempt of that number, else the live one of that kind.
select * from codex_judge.runs
where repository = :repository and issue_number = :issue_number
  and (attempt = :attempt
    or (kind = :kind and state not in ('completed', 'cancelled', 'superseded', 'needs_iteration')))
order by (attempt = :attempt) desc
limit 1

-- name: latest
-- The attempt that stands for a change: the newest, but a revert that has ended yields to the one that it took back,
-- unless that one had been completed: then the revert is how the change ended.
select * from codex_judge.runs r
where repository = :repository and issue_number = :issue_number
order by
  kind = 'revert' and state in ('completed', 'cancelled', 'superseded') and exists (
    select from codex_judge.runs b
    where b.repository = r.repository and b.issue_number = r.issue_number and b.kind <> 'revert'
      and b.attempt < r.attempt and b.merge_sha is not null and b.state <> 'completed'),
  attempt desc
limit 1

-- name: all_of
-- The attempts of a change, oldest first.
select * from codex_judge.runs
where repository = :repository and issue_number = :issue_number
order by attempt

-- name: by_id
-- One attempt.
select * from codex_judge.runs where id = cast(:id as uuid)

-- name: newest_of_each_change
-- One attempt a change, as `latest` has it, the most recently updated change first.
select * from (
  select distinct on (repository, issue_number) * from codex_judge.runs r
  order by repository, issue_number,
    kind = 'revert' and state in ('completed', 'cancelled', 'superseded') and exists (
      select from codex_judge.runs b
      where b.repository = r.repository and b.issue_number = r.issue_number and b.kind <> 'revert'
        and b.attempt < r.attempt and b.merge_sha is not null and b.state <> 'completed'),
    attempt desc
) newest
order by updated_at desc
limit :limit

-- name: unfinished
-- What the resumer looks at: live attempts, needs_iteration without a successor (a revert is none), stopped ones whose
-- evidence is not sealed, those that wait for a person who has spoken since, and what was completed while somebody asked to
-- take it back. Of one change, or of all.
select * from codex_judge.runs r
where (r.state <> 'completed' or r.evidence_head is null)
  and (cast(:repository as text) is null or (r.repository = :repository and r.issue_number = :issue_number))
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
union all
select r.* from codex_judge.runs r
where r.state = 'completed' and r.evidence_head is not null
  and (cast(:repository as text) is null or (r.repository = :repository and r.issue_number = :issue_number))
  and r.id in (select q.run_id from codex_judge.requests q where q.handled_at is null and q.kind = 'rollback')
order by created_at, id

-- name: new
-- What was taken in and never launched.
select * from codex_judge.runs r
where r.state = 'queued' and not exists (select from codex_judge.launches l where l.run_id = r.id)
order by r.created_at, r.id

-- name: transition
-- Compare-and-set of the state with its line in run_transitions; `as_of`: of the whole row, as it was read then. What was
-- awaited ends with the state that awaited it; evidence that was sealed does not cover what comes after it.
with moved as (
  update codex_judge.runs r set
    (base_sha, head_sha, judged_sha, merge_sha, merged_by, deployed_sha, verified_sha, verified_in, pr_number, pr_url, ci_status,
     next_prompt, human_from, human_reason, awaited_what, awaited_since, awaited_deadline, agent_resume, evidence_head,
     infrastructure_retries, active_seconds, mode, policy) = (
      select n.base_sha, n.head_sha, n.judged_sha, n.merge_sha, n.merged_by, n.deployed_sha, n.verified_sha, n.verified_in, n.pr_number,
        n.pr_url, n.ci_status, n.next_prompt, n.human_from, n.human_reason, n.awaited_what, n.awaited_since,
        n.awaited_deadline, n.agent_resume, n.evidence_head, n.infrastructure_retries, n.active_seconds, n.mode, n.policy
      from jsonb_populate_record(r, :fields) n),
    verified_at = case when :fields ->> 'verified_sha' is null then r.verified_at else now() end,
    state = cast(:target as codex_judge.run_state),
    reason = :reason,
    finished_at = case when :stopped then now() end,
    updated_at = now()
  where r.id = cast(:id as uuid) and r.state = cast(:source as codex_judge.run_state)
    and (cast(:as_of as timestamptz) is null or r.updated_at = cast(:as_of as timestamptz))
  returning *
), step as (
  insert into codex_judge.run_transitions (run_id, source, target, reason, cause)
  select id, cast(:source as codex_judge.run_state), state, reason, :cause from moved
)
select moved.*, pg_notify('oneshot', repository || '#' || issue_number) from moved

-- name: update
-- Fields other than the state; a field that is named is set, also to null.
update codex_judge.runs r set
  (base_sha, head_sha, judged_sha, merge_sha, merged_by, deployed_sha, verified_sha, verified_in, pr_number, pr_url, ci_status, reason,
   next_prompt, human_from, human_reason, awaited_what, awaited_since, awaited_deadline, agent_resume, evidence_head,
   infrastructure_retries, active_seconds, mode, policy) = (
    select n.base_sha, n.head_sha, n.judged_sha, n.merge_sha, n.merged_by, n.deployed_sha, n.verified_sha, n.verified_in, n.pr_number,
      n.pr_url, n.ci_status, n.reason, n.next_prompt, n.human_from, n.human_reason, n.awaited_what, n.awaited_since,
      n.awaited_deadline, n.agent_resume, n.evidence_head, n.infrastructure_retries, n.active_seconds, n.mode, n.policy
    from jsonb_populate_record(r, :fields) n),
  verified_at = case when :fields ->> 'verified_sha' is null then r.verified_at else now() end,
  updated_at = now()
where r.id = cast(:id as uuid)
returning *

-- name: transitions
-- How an attempt moved, oldest first.
select * from codex_judge.run_transitions where run_id = cast(:id as uuid) order by id

-- name: change_of_pull
-- The change whose newest attempt owns a pull request.
select repository, issue_number from codex_judge.runs
where repository = :repository and pr_number = :pr_number
order by created_at desc
limit 1

-- name: of_pull
-- The judge runs of a pull request, oldest first.
select * from codex_judge.runs where repository = :repository and pr_number = :pr_number order by created_at, attempt

-- name: last_verified_sha
-- The revision that was proven last on a base in an environment: of an attempt that was completed with it and was not taken
-- back since.
select verified_sha from codex_judge.runs r
where repository = :repository and base = :base and verified_in = :environment and verified_sha is not null
  and state = 'completed'
  and (kind = 'revert' or not exists (
    select from codex_judge.runs n
    where n.repository = r.repository and n.issue_number = r.issue_number and n.kind = 'revert' and n.attempt > r.attempt))
order by verified_at desc
limit 1
