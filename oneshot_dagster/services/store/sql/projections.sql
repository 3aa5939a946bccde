-- name: save_worktree
-- The one worktree of a change; the number of its pull request stays when it is not told.
insert into jangar_github.pr_worktrees as w (
  repository, issue_number, pr_number, worktree_name, worktree_path, base_sha, head_sha, last_refreshed_at)
values (:repository, :issue_number, :pr_number, :name, :path, :base_sha, :head_sha, now())
on conflict (repository, issue_number) do update set
  pr_number = coalesce(excluded.pr_number, w.pr_number),
  worktree_name = excluded.worktree_name,
  worktree_path = excluded.worktree_path,
  base_sha = excluded.base_sha,
  head_sha = excluded.head_sha,
  last_refreshed_at = excluded.last_refreshed_at

-- name: start_snapshot
-- The header of a snapshot, locked until its files stand.
insert into jangar_github.pr_snapshots (repository, pr_number, commit_sha, base_sha)
values (:repository, :pr_number, :commit_sha, :base_sha)
on conflict (repository, pr_number, commit_sha) do update set base_sha = excluded.base_sha, taken_at = clock_timestamp()

-- name: clear_snapshot
-- The files of an earlier reading of the same commit.
delete from jangar_github.pr_files
where repository = :repository and pr_number = :pr_number and commit_sha = :commit_sha

-- name: snapshot
-- The header of a snapshot.
select base_sha from jangar_github.pr_snapshots
where repository = :repository and pr_number = :pr_number and commit_sha = :commit_sha

-- name: files
-- The files of a snapshot in git's order.
select * from jangar_github.pr_files
where repository = :repository and pr_number = :pr_number and commit_sha = :commit_sha
order by path_bytes

-- name: save_pull
-- One reading of a pull request, each table only where it is not older than what stands there.
with pull as (
  insert into jangar_github.pr_state as t (
    repository, pr_number, head_sha, base_ref, base_sha, open, draft, merged, merge_sha, merged_by, mergeable_state,
    labels, read_at)
  values (
    :repository, :pr_number, :head_sha, :base_ref, :base_sha, :open, :draft, :merged, :merge_sha, :merged_by,
    :mergeable_state, :labels, :read_at)
  on conflict (repository, pr_number) do update set
    head_sha = excluded.head_sha, base_ref = excluded.base_ref, base_sha = excluded.base_sha, open = excluded.open,
    draft = excluded.draft, merged = excluded.merged, merge_sha = excluded.merge_sha, merged_by = excluded.merged_by,
    mergeable_state = excluded.mergeable_state, labels = excluded.labels, read_at = excluded.read_at
  where t.read_at <= excluded.read_at
  returning repository, pr_number, head_sha, read_at
), checks as (
  insert into jangar_github.check_state as t (repository, pr_number, commit_sha, checks, required_contexts, read_at)
  values (:repository, :pr_number, :head_sha, :checks, :required_contexts, :read_at)
  on conflict (repository, pr_number, commit_sha) do update set
    checks = excluded.checks, required_contexts = excluded.required_contexts, read_at = excluded.read_at
  where t.read_at <= excluded.read_at
), reviews as (
  insert into jangar_github.review_state (
    repository, pr_number, commit_sha, reviews, required_approvals, unresolved_threads_count, read_at)
  select repository, pr_number, head_sha, :reviews, :required_approvals, :unresolved, read_at from pull
  on conflict (repository, pr_number) do update set
    commit_sha = excluded.commit_sha, reviews = excluded.reviews, required_approvals = excluded.required_approvals,
    unresolved_threads_count = excluded.unresolved_threads_count, read_at = excluded.read_at
), gone as (
  delete from jangar_github.review_threads t using pull
  where t.repository = pull.repository and t.pr_number = pull.pr_number and t.thread_id <> all (:thread_ids)
)
insert into jangar_github.review_threads (
  repository, pr_number, thread_id, is_resolved, path, line, author_login, body, read_at)
select pull.repository, pull.pr_number, x.thread_id, x.is_resolved, x.path, x.line, x.author, x.body, pull.read_at
from pull, jsonb_to_recordset(:threads)
  as x (thread_id text, is_resolved boolean, path text, line integer, author text, body text)
on conflict (repository, pr_number, thread_id) do update set
  is_resolved = excluded.is_resolved, path = excluded.path, line = excluded.line,
  author_login = excluded.author_login, body = excluded.body, read_at = excluded.read_at

-- name: checks_by_commit
-- The checks of a pull request by commit, the one read last first.
select commit_sha, checks from jangar_github.check_state
where repository = :repository and pr_number = :pr_number
order by read_at desc, commit_sha
