-- name: lock
-- Whoever writes sightings of a repository, or projects them, waits for those before; in one order, so that nobody waits in a ring.
select pg_advisory_xact_lock(hashtextextended('sightings of ' || repository, 0))
from unnest(cast(:repositories as text[])) as repository

-- name: keep
-- The newest of each thing, by domain.projection.Version.
insert into jangar_github.sightings as t (repository, subject, kind, item, number, at, rank, tie, data)
select repository, subject, kind, item, number, at, rank, tie, data from jsonb_to_recordset(:sightings)
  as x (repository text, subject text, kind text, item text, number bigint, at timestamptz, rank integer, tie text, data jsonb)
on conflict (repository, subject, kind, item) do update set
  number = excluded.number, at = excluded.at, rank = excluded.rank, tie = excluded.tie, data = excluded.data,
  seen_at = clock_timestamp()
where (t.number, t.at, t.rank, t.tie) < (excluded.number, excluded.at, excluded.rank, excluded.tie)

-- name: of
-- Everything that was said of some subjects.
select s.repository, s.subject, s.kind, s.item, s.number, s.at, s.rank, s.tie, s.data
from jsonb_to_recordset(:subjects) as x (repository text, subject text)
join jangar_github.sightings s on s.repository = x.repository and s.subject = x.subject

-- name: save_pulls
-- A row that stands as it was is not written again; the same below.
insert into jangar_github.pr_state as t
select x.* from jsonb_populate_recordset(null::jangar_github.pr_state, :rows) x
on conflict (repository, pr_number) do update set
  head_sha = excluded.head_sha, base_ref = excluded.base_ref, base_sha = excluded.base_sha, open = excluded.open,
  draft = excluded.draft, merged = excluded.merged, merge_sha = excluded.merge_sha, merged_by = excluded.merged_by,
  mergeable_state = excluded.mergeable_state, labels = excluded.labels, read_at = excluded.read_at
where t.* is distinct from excluded.*

-- name: save_checks
-- The checks of commits, in the row of each pull request whose head they were.
insert into jangar_github.check_state as t
select x.* from jsonb_populate_recordset(null::jangar_github.check_state, :rows) x
on conflict (repository, pr_number, commit_sha) do update set
  checks = excluded.checks, required_contexts = excluded.required_contexts, read_at = excluded.read_at
where t.* is distinct from excluded.*

-- name: save_reviews
-- The reviews of pull requests; threads that are no longer told of go.
with gone as (
  delete from jangar_github.review_threads t
  using jsonb_to_recordset(:rows) as x (repository text, pr_number integer, thread_ids text[])
  where t.repository = x.repository and t.pr_number = x.pr_number and t.thread_id <> all (x.thread_ids)
)
insert into jangar_github.review_state as t
select x.* from jsonb_populate_recordset(null::jangar_github.review_state, :rows) x
on conflict (repository, pr_number) do update set
  commit_sha = excluded.commit_sha, reviews = excluded.reviews, required_approvals = excluded.required_approvals,
  unresolved_threads_count = excluded.unresolved_threads_count, read_at = excluded.read_at
where t.* is distinct from excluded.*

-- name: save_threads
-- The threads of reviews.
insert into jangar_github.review_threads as t (
  repository, pr_number, thread_id, is_resolved, path, line, author_login, body, read_at)
select repository, pr_number, thread_id, is_resolved, path, line, author, body, read_at from jsonb_to_recordset(:rows)
  as x (repository text, pr_number integer, thread_id text, is_resolved boolean, path text, line integer, author text,
    body text, read_at timestamptz)
on conflict (repository, pr_number, thread_id) do update set
  is_resolved = excluded.is_resolved, path = excluded.path, line = excluded.line,
  author_login = excluded.author_login, body = excluded.body, read_at = excluded.read_at
where t.* is distinct from excluded.*

-- name: save_comments
-- Comments as they stand.
insert into jangar_github.comments as t
select x.* from jsonb_populate_recordset(null::jangar_github.comments, :rows) x
on conflict (comment_id) do update set
  comment_type = excluded.comment_type, repository = excluded.repository, issue_number = excluded.issue_number,
  author_login = excluded.author_login, body = excluded.body, path = excluded.path, line = excluded.line,
  url = excluded.url, created_at = excluded.created_at, read_at = excluded.read_at
where t.* is distinct from excluded.*

-- name: delete_comments
-- Comments that their authors took back.
delete from jangar_github.comments where comment_id = any (:ids)

-- name: stop_all
-- Nobody else writes sightings until this transaction ends.
lock table jangar_github.sightings in share row exclusive mode

-- name: clear
-- What events said is forgotten, in the tables too; a subject that was also read is left to be projected again.
with told as (
  delete from jangar_github.sightings where kind <> 'reading' returning repository, subject
), subjects as (
  select distinct repository, subject from told
), pulls as (
  delete from jangar_github.pr_state t using subjects s
  where t.repository = s.repository and '#' || t.pr_number = s.subject
), reviews as (
  delete from jangar_github.review_state t using subjects s
  where t.repository = s.repository and '#' || t.pr_number = s.subject
), threads as (
  delete from jangar_github.review_threads t using subjects s
  where t.repository = s.repository and '#' || t.pr_number = s.subject
), checks as (
  delete from jangar_github.check_state t using subjects s
  where t.repository = s.repository and t.commit_sha = s.subject
), comments as (
  delete from jangar_github.comments t using subjects s
  where t.repository = s.repository and 'comment ' || t.comment_id = s.subject
)
select s.repository, s.subject from subjects s
where exists (
  select from jangar_github.sightings r
  where r.repository = s.repository and r.subject = s.subject and r.kind = 'reading')
order by 1, 2
