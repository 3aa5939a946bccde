-- name: due
-- The repositories whose time has come: those that are named, that were looked through before, or that have changes on their way.
with known as (
  select unnest(cast(:named as text[])) as repository
  union select repository from jangar_github.watched
  union select repository from codex_judge.runs where finished_at is null
)
select k.repository from known k left join jangar_github.watched w using (repository)
where w.due is null or w.due <= clock_timestamp()
order by w.due nulls first, k.repository

-- name: watched
-- How far a repository was looked through.
select issues_since, comments_since from jangar_github.watched where repository = :repository

-- name: looked
-- So far, and not again before that many seconds.
insert into jangar_github.watched as w (repository, issues_since, comments_since, due)
values (:repository, :issues_since, :comments_since, clock_timestamp() + make_interval(secs => :seconds))
on conflict (repository) do update set
  issues_since = coalesce(excluded.issues_since, w.issues_since),
  comments_since = coalesce(excluded.comments_since, w.comments_since),
  due = excluded.due

-- name: changed
-- The issues that do not look as they did last.
select g.issue_number from jsonb_to_recordset(:glances) as g (issue_number bigint, glance text)
left join jangar_github.issue_glances l on l.repository = :repository and l.issue_number = g.issue_number
where l.glance is distinct from g.glance

-- name: glanced
-- An issue as it looks now.
insert into jangar_github.issue_glances (repository, issue_number, glance, text_sha256)
values (:repository, :issue_number, :glance, :text_sha256)
on conflict (repository, issue_number) do update set glance = excluded.glance, text_sha256 = excluded.text_sha256

-- name: text_of
-- The hash of an issue's text as it was seen last.
select text_sha256 from jangar_github.issue_glances where repository = :repository and issue_number = :issue_number

-- name: undecided
-- Those of some triggers that were not decided upon.
select x.issue_number, x.name from jsonb_to_recordset(:triggers) as x (issue_number bigint, name text)
left join jangar_github.triggers t on t.repository = :repository and t.issue_number = x.issue_number and t.name = x.name
where t.name is null

-- name: decide
-- Once.
insert into jangar_github.triggers (repository, issue_number, name, actor, said)
values (:repository, :issue_number, :name, :actor, :said)
on conflict do nothing

-- name: decided
-- What was decided on an issue, in that order.
select name, actor, said, decided_at as at from jangar_github.triggers
where repository = :repository and issue_number = :issue_number
order by decided_at, name

-- name: refuse
-- A refusal, or once more the same.
insert into jangar_github.refusals as r (repository, issue_number, code, actor, sentence)
values (:repository, :issue_number, :code, :actor, :sentence)
on conflict (repository, issue_number, code) do update set times = r.times + 1, last_at = clock_timestamp()

-- name: refusals
-- Of an issue, oldest first.
select code, actor, sentence, times, first_at, last_at from jangar_github.refusals
where repository = :repository and issue_number = :issue_number
order by first_at, code
