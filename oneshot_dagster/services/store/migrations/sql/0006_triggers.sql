-- Which repositories are looked through for labels and comments, how far that got, and when it is due again.
create table jangar_github.watched (
  repository text primary key,
  issues_since timestamptz,
  comments_since timestamptz,
  due timestamptz not null default clock_timestamp()
);

-- An issue as it was looked at last; text_sha256 is of its title and body then.
create table jangar_github.issue_glances (
  repository text not null,
  issue_number bigint not null,
  glance text not null,
  text_sha256 text not null,
  primary key (repository, issue_number)
);

-- What was decided upon each label, closing and comment (`name`), once.
create table jangar_github.triggers (
  repository text not null,
  issue_number bigint not null,
  name text not null,
  actor text not null,
  said text not null,
  decided_at timestamptz not null default clock_timestamp(),
  primary key (repository, issue_number, name)
);

-- What was not done for somebody on an issue, a row a reason; actor and sentence are of the first time.
create table jangar_github.refusals (
  repository text not null,
  issue_number bigint not null,
  code text not null,
  actor text not null,
  sentence text not null,
  times bigint not null default 1,
  first_at timestamptz not null default clock_timestamp(),
  last_at timestamptz not null default clock_timestamp(),
  primary key (repository, issue_number, code)
);

-- What we say on an issue beside any attempt, a comment a purpose: the intent first. Not settled: it may be there or not.
create table jangar_github.notices (
  repository text not null,
  issue_number bigint not null,
  purpose text not null,
  body text not null,
  comment_id bigint,
  withheld boolean not null default false,
  intended_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (repository, issue_number, purpose)
);

-- Where a request was made: one that was read out of a comment is not made twice.
alter table codex_judge.requests add column source text constraint requests_source unique;
