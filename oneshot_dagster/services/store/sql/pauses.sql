-- name: repositories
-- Those of which something needs a person.
select distinct repository from codex_judge.runs where state = 'needs_human' order by repository

-- name: stuck
-- The changes of a repository that need a person since the last one completed, or since intake was resumed; oldest first.
-- Those that wait for a yes by design are none of them: observed ones, and protected paths.
with newest as (
  select distinct on (issue_number) issue_number, state, human_reason, finished_at
  from codex_judge.runs where repository = :repository and kind = 'implement'
  order by issue_number, attempt desc
), since as (
  select greatest(
    (select max(finished_at) from newest where state = 'completed'),
    (select max(lifted_at) from codex_judge.intake_lifts where repository = :repository)
  ) as moment
)
select issue_number from newest, since
where state = 'needs_human' and human_reason not in ('observe_only', 'protected_path')
  and (since.moment is null or finished_at > since.moment)
order by finished_at, issue_number

-- name: lift
-- From now on.
insert into codex_judge.intake_lifts (repository, lifted_by) values (:repository, :by)
