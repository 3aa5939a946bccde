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

-- name: as_long_as_git_takes
-- The files of a snapshot are one statement, which lasts while git prints them; git's own limit is the shorter one.
select set_config('statement_timeout', '15min', true)

-- name: snapshot
-- The header of a snapshot.
select base_sha from jangar_github.pr_snapshots
where repository = :repository and pr_number = :pr_number and commit_sha = :commit_sha

-- name: files
-- The files of a snapshot in git's order.
select * from jangar_github.pr_files
where repository = :repository and pr_number = :pr_number and commit_sha = :commit_sha
order by path_bytes

-- name: checks_by_commit
-- The checks of a pull request by commit, the one read last first.
select commit_sha, checks from jangar_github.check_state
where repository = :repository and pr_number = :pr_number
order by read_at desc, commit_sha
