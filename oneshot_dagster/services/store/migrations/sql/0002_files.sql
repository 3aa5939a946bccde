-- Plain, because a domain's check runs for each of thousands of copied rows: a third of the time that they took. The foreign
-- key to pr_snapshots, whose column is a git_sha, lets no other form in.
alter table jangar_github.pr_files alter column commit_sha type text;
