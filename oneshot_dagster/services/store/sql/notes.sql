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
-- The memories of a repository that share words with a text, best first. One word in common says nothing, nor do words
-- that are in every change: two have to be shared (one, of a text of one word), and more of a long text. Of very many the newest.
with asked as (
  select left(:text, 4000) as words
), telling as materialized (
  select array(
    select lexeme from asked, unnest(to_tsvector('english', asked.words))
    where lexeme <> all (array['ask', 'attempt', 'end', 'fail', 'issu', 'chang', 'need', 'iter', 'test', 'pleas', 'add', 'make', 'use'])
  ) as lexemes
), wanted as materialized (
  select cast(replace(replace(plainto_tsquery('english', words)::text, '&', '|'), '<->', '|') as tsquery) as any_word
  from asked
), newest as (
  select e.id, e.title, e.content, e.search, wanted.any_word
  from memories.entries e, wanted
  where e.repository = :repository and e.issue_number <> :not_of and e.search @@ wanted.any_word
  order by e.id desc
  limit 1000
), best as (
  select id, title, content, search, ts_rank(search, any_word) as rank from newest order by rank desc, id desc limit 50
), found as (
  select best.id, title, content, rank, cardinality(telling.lexemes) as telling,
    (select count(*) from unnest(best.search) word where word.lexeme = any (telling.lexemes)) as shared
  from best, telling
)
select title, content from found
where shared >= greatest(least(telling, 2), least(telling, 60) / 12) and shared > 0
order by rank desc, id desc
limit :limit

-- name: memories_of
-- How many memories an attempt left.
select count(*) as number from memories.entries where run_id = cast(:run_id as uuid)

-- name: submit_rerun
-- That an attempt asked for the next one, once.
insert into codex_judge.rerun_submissions (parent_run_id, attempt, delivery_id)
values (cast(:run_id as uuid), :attempt, :delivery_id)
on conflict do nothing
