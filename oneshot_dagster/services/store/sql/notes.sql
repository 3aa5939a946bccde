-- name: add_messages
-- What an agent said, each once by its dedupe key.
insert into workflow_comms.agent_messages (run_id, dedupe_key, kind, role, content, attrs, "timestamp")
select cast(:run_id as uuid), x.dedupe_key, x.kind, x.role, x.content, coalesce(x.attrs, '{}'), x."timestamp"
from jsonb_to_recordset(:messages)
  as x (dedupe_key text, kind text, role text, content text, attrs jsonb, "timestamp" timestamptz)
on conflict (dedupe_key) do nothing

-- name: messages
-- The messages of an attempt in their order.
select dedupe_key, kind, role, content, attrs, "timestamp" from workflow_comms.agent_messages
where run_id = cast(:run_id as uuid)
order by "timestamp", id

-- name: remember
-- A memory, once for each attempt and title.
insert into memories.entries (repository, issue_number, run_id, title, content, tags)
values (:repository, :issue_number, cast(:run_id as uuid), :title, :content, :tags)
on conflict (run_id, title) do update set content = excluded.content, tags = excluded.tags

-- name: recall
-- The memories of a repository that share words with a text, best first; any shared word counts.
select e.title, e.content
from memories.entries e,
  cast(replace(replace(plainto_tsquery('english', left(:text, 4000))::text, '&', '|'), '<->', '|') as tsquery) wanted
where e.repository = :repository and e.search @@ wanted
order by ts_rank_cd(e.search, wanted) desc, e.id desc
limit :limit

-- name: memories_of
-- How many memories an attempt left.
select count(*) as number from memories.entries where run_id = cast(:run_id as uuid)

-- name: submit_rerun
-- That an attempt asked for the next one, once.
insert into codex_judge.rerun_submissions (parent_run_id, attempt, delivery_id)
values (cast(:run_id as uuid), :attempt, :delivery_id)
on conflict do nothing
