"""How a record is shown in Dagster: metadata, checks, and a skip that says why. Nothing is decided here."""

from collections.abc import Iterator

import dagster as dg

from oneshot_dagster.domain.artifact import Link, Markdown, NotMyTurn, Record, Shown

OUTCOME_TAG = "oneshot/outcome"


def metadata(record: Record) -> dict[str, dg.MetadataValue]:
    return {
        "what happened": dg.MetadataValue.md(record.what_happened),
        **{name.replace("_", " "): _value(value) for name, value in record.shown.items() if value is not None},
    }


def _value(value: Shown) -> dg.MetadataValue:
    match value:
        case Markdown(text=text):
            return dg.MetadataValue.md(text)
        case Link(url=url):
            return dg.MetadataValue.url(url)
        case bool():
            return dg.MetadataValue.bool(value)
        case int():
            return dg.MetadataValue.int(value)
        case float():
            return dg.MetadataValue.float(value)
        case _:
            return dg.MetadataValue.text(str(value))


def shown(record: Record, partition: str) -> Iterator[object]:
    """The materialization and the checks that ran; one that did not run is not yielded, and the UI shows it as skipped."""
    key = dg.AssetKey(record.artifact.value)
    yield dg.MaterializeResult(asset_key=key, metadata=metadata(record))
    for check in record.checks:
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=check.name,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"what was found": dg.MetadataValue.md(check.description), "change": partition},
        )


def skipped(context: dg.AssetExecutionContext, outcome: NotMyTurn) -> None:
    context.log.info(f"{outcome.artifact}: nothing done: {outcome.reason}")
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: f"{outcome.artifact}: {outcome.reason}"[:200]})
