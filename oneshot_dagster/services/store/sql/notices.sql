-- name: of
-- What was intended to be said.
select body, comment_id, withheld, settled_at is not null as settled from jangar_github.notices
where repository = :repository and issue_number = :issue_number and purpose = :purpose

-- name: intend
-- It may be said from here on.
insert into jangar_github.notices (repository, issue_number, purpose, body)
values (:repository, :issue_number, :purpose, :body)
on conflict (repository, issue_number, purpose) do update set
  body = excluded.body, withheld = false, intended_at = clock_timestamp(), settled_at = null

-- name: settle
-- It was said, in that comment, or withheld.
update jangar_github.notices set
  comment_id = coalesce(cast(:comment_id as bigint), comment_id), withheld = :withheld, settled_at = clock_timestamp()
where repository = :repository and issue_number = :issue_number and purpose = :purpose
