-- name: add_file
-- A stored file; of one name the newest counts.
insert into codex_judge.artifacts (run_id, artifact, name, sha256, size, media_type, uri)
values (cast(:run_id as uuid), :artifact, :name, :sha256, :size, :media_type, :uri)

-- name: files
-- The newest file of each name.
select distinct on (name) * from codex_judge.artifacts where run_id = cast(:run_id as uuid) order by name, id desc

-- name: referenced
-- What any attempt has on file.
select distinct sha256 from codex_judge.artifacts

-- name: record
-- What a step left.
insert into codex_judge.records (run_id, artifact, record, sha, dagster_run_id, seconds)
values (cast(:run_id as uuid), :artifact, :record, :sha, :dagster_run_id, :seconds)

-- name: records
-- The newest record of each artifact.
select distinct on (artifact) * from codex_judge.records where run_id = cast(:run_id as uuid) order by artifact, id desc

-- name: add_report
-- A test report.
insert into codex_judge.test_reports (run_id, kind, sha, verdict, suites, at)
values (cast(:run_id as uuid), :kind, :sha, :verdict, :suites, :at)

-- name: report
-- The newest report of a kind at a SHA.
select * from codex_judge.test_reports
where run_id = cast(:run_id as uuid) and kind = :kind and sha = :sha
order by id desc
limit 1

-- name: add_evaluation
-- A verdict; append-only.
insert into codex_judge.evaluations (
  run_id, decision, sha, reasons, missing_items, next_prompt, model, prompt_sha256, raw_output, created_at)
values (
  cast(:run_id as uuid), :decision, :sha, :reasons, :missing_items, :next_prompt, :model, :prompt_sha256, :raw_output, :at)

-- name: evaluations
-- The verdicts on an attempt, oldest first.
select * from codex_judge.evaluations where run_id = cast(:run_id as uuid) order by id
