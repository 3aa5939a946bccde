"""What the steps of an attempt left: files, records, test reports, evaluations."""

from collections.abc import Mapping
from typing import cast

from oneshot_dagster.domain.artifact import Artifact, Check, Link, Markdown, Record, Shown, Verdict
from oneshot_dagster.domain.attempt import ArtifactFile, Report, StoredEvaluation
from oneshot_dagster.services.store.database import Database, Row, json, ordered_json, plain
from oneshot_dagster.services.store.protocol import StoredRecord


class PostgresArtifacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add_file(
        self, attempt_id: str, *, artifact: str, name: str, sha256: str, size: int, media_type: str, uri: str
    ) -> None:
        self._database.run(
            "artifacts.add_file",
            run_id=attempt_id,
            artifact=artifact,
            name=name,
            sha256=sha256,
            size=size,
            media_type=media_type,
            uri=uri,
        )

    def files(self, attempt_id: str) -> tuple[ArtifactFile, ...]:
        return tuple(map(_file, self._database.all("artifacts.files", run_id=attempt_id)))

    def referenced(self) -> frozenset[str]:
        return frozenset(row["sha256"] for row in self._database.all("artifacts.referenced"))

    def record(self, attempt_id: str, record: Record, *, sha: str | None, dagster_run_id: str, seconds: float) -> None:
        self._database.run(
            "artifacts.record",
            run_id=attempt_id,
            artifact=record.artifact.value,
            record=ordered_json(_record_json(record)),
            sha=sha,
            dagster_run_id=dagster_run_id,
            seconds=seconds,
        )

    def records(self, attempt_id: str) -> Mapping[str, StoredRecord]:
        rows = self._database.all("artifacts.records", run_id=attempt_id)
        return {row["artifact"]: _stored_record(row) for row in rows}

    def add_report(self, attempt_id: str, report: Report) -> None:
        self._database.run(
            "artifacts.add_report",
            run_id=attempt_id,
            kind=report.kind,
            sha=report.sha,
            verdict=report.verdict.value,
            suites=ordered_json(report.suites),
            at=report.at,
        )

    def report(self, attempt_id: str, *, kind: str, sha: str) -> Report | None:
        row = self._database.one("artifacts.report", run_id=attempt_id, kind=kind, sha=sha)
        if row is None:
            return None
        return Report(
            kind=row["kind"],
            sha=row["sha"],
            verdict=Verdict(row["verdict"]),
            suites=tuple(row["suites"]),
            at=row["at"],
        )

    def add_evaluation(self, attempt_id: str, evaluation: StoredEvaluation) -> None:
        self._database.run(
            "artifacts.add_evaluation",
            run_id=attempt_id,
            decision=evaluation.decision,
            sha=evaluation.sha,
            reasons=json(evaluation.reasons),
            missing_items=plain(evaluation.missing_items),
            next_prompt=evaluation.next_prompt,
            model=evaluation.model,
            prompt_sha256=evaluation.prompt_sha256,
            raw_output=evaluation.raw_output,
            at=evaluation.at,
        )

    def evaluations(self, attempt_id: str) -> tuple[StoredEvaluation, ...]:
        return tuple(map(_evaluation, self._database.all("artifacts.evaluations", run_id=attempt_id)))


def _file(row: Row) -> ArtifactFile:
    return ArtifactFile(
        name=row["name"],
        artifact=row["artifact"],
        sha256=row["sha256"],
        size=row["size"],
        media_type=row["media_type"],
        uri=row["uri"],
        created_at=row["created_at"],
    )


def _record_json(record: Record) -> dict[str, object]:
    return {
        "what_happened": record.what_happened,
        "shown": {name: _shown_json(value) for name, value in record.shown.items()},
        "checks": [{"name": c.name, "passed": c.passed, "description": c.description} for c in record.checks],
    }


def _shown_json(value: Shown) -> object:
    match value:
        case Markdown(text):
            return {"markdown": text}
        case Link(url):
            return {"link": url}
        case _:
            return value


def _shown(value: object) -> Shown:
    match value:
        case {"markdown": str(text)}:
            return Markdown(text)
        case {"link": str(url)}:
            return Link(url)
        case _:
            return cast("Shown", value)


def _stored_record(row: Row) -> StoredRecord:
    kept = row["record"]
    return StoredRecord(
        record=Record(
            artifact=Artifact(row["artifact"]),
            what_happened=kept["what_happened"],
            shown={name: _shown(value) for name, value in kept["shown"].items()},
            checks=tuple(Check(**check) for check in kept["checks"]),
        ),
        sha=row["sha"],
        dagster_run_id=row["dagster_run_id"],
        seconds=row["seconds"],
        at=row["at"],
    )


def _evaluation(row: Row) -> StoredEvaluation:
    return StoredEvaluation(
        decision=row["decision"],
        sha=row["sha"],
        reasons=row["reasons"],
        missing_items=tuple(row["missing_items"]),
        next_prompt=row["next_prompt"],
        model=row["model"],
        prompt_sha256=row["prompt_sha256"],
        raw_output=row["raw_output"],
        at=row["created_at"],
    )
