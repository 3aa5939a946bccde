-- name: add
-- One delivery, and nothing else; whoever projects is told. A second one of the same id changes nothing.
with added as (
  insert into jangar_github.events (
    delivery_id, event_type, action, repository, issue_number, pr_number, commit_sha, sender_login, payload)
  values (:delivery_id, :event_type, :action, :repository, :issue_number, :pr_number, :commit_sha, :sender_login,
    cast(:body as jsonb))
  on conflict (delivery_id) do nothing
  returning id
)
select id, pg_notify('oneshot_events', '') from added
