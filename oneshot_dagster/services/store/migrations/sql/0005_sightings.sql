-- The newest of what was said of each thing on GitHub, by events and by readings. pr_state, check_state, review_state,
-- review_threads and comments are made from it, subject by subject, so that no order of arrival matters.
create table jangar_github.sightings (
  repository text not null,
  subject text not null,
  kind text not null constraint sightings_kind
    check (kind in ('pull', 'review', 'thread', 'head', 'check', 'status', 'comment', 'reading')),
  item text not null,
  number bigint not null,
  at timestamptz not null,
  rank integer not null,
  tie text collate "C" not null,
  data jsonb not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (repository, subject, kind, item)
);

-- What was read before there was this table.
insert into jangar_github.sightings (repository, subject, kind, item, number, at, rank, tie, data)
select p.repository, '#' || p.pr_number, 'reading', '', 0, p.read_at, 0, '', jsonb_build_object(
  'pull', to_jsonb(p) - 'repository' - 'pr_number' - 'read_at',
  'reviews', coalesce(r.reviews, '[]'),
  'required_approvals', coalesce(r.required_approvals, 0),
  'threads', coalesce((
    select jsonb_agg(jsonb_build_object('thread_id', t.thread_id, 'is_resolved', t.is_resolved, 'path', t.path,
      'line', t.line, 'author', t.author_login, 'body', t.body) order by t.thread_id)
    from jangar_github.review_threads t where t.repository = p.repository and t.pr_number = p.pr_number), '[]'))
from jangar_github.pr_state p
left join jangar_github.review_state r on r.repository = p.repository and r.pr_number = p.pr_number;

insert into jangar_github.sightings (repository, subject, kind, item, number, at, rank, tie, data)
select repository, commit_sha, 'reading', '#' || pr_number, 0, read_at, 0, '',
  jsonb_build_object('checks', checks, 'required_contexts', required_contexts)
from jangar_github.check_state;

-- An event may tell of a check, a review or a thread before any tells of its pull request.
alter table jangar_github.check_state drop constraint check_state_repository_pr_number_fkey;
alter table jangar_github.review_state drop constraint review_state_repository_pr_number_fkey;
alter table jangar_github.review_threads drop constraint review_threads_repository_pr_number_fkey;

-- When an event that the database refused is tried again.
alter table jangar_github.events add column not_before timestamptz;
create index events_dead on jangar_github.events (id) where state = 'dead';
