-- name: purge_events
-- Deliveries that are dealt with.
delete from jangar_github.events where state <> 'received' and received_at < :before

-- name: purge_sightings
-- What events said of subjects of which nothing was heard since; the tables keep what they show of them.
delete from jangar_github.sightings s
where s.kind <> 'reading' and not exists (
  select from jangar_github.sightings n
  where n.repository = s.repository and n.subject = s.subject and n.seen_at >= :before)

-- name: purge_messages
-- What agents said in attempts that have ended.
delete from workflow_comms.agent_messages m using codex_judge.runs r
where r.id = m.run_id and r.finished_at < :before and r.evidence_head is not null

-- name: now
-- The database's clock.
select clock_timestamp() as now
