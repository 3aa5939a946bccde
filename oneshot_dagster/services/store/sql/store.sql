-- name: purge_events
-- Deliveries that are dealt with.
delete from jangar_github.events where state <> 'received' and received_at < :before

-- name: purge_messages
-- What agents said in attempts that have ended.
delete from workflow_comms.agent_messages m using codex_judge.runs r
where r.id = m.run_id and r.finished_at < :before and r.evidence_head is not null

-- name: now
-- The database's clock.
select clock_timestamp() as now
