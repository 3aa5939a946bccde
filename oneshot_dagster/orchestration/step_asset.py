"""The frame of every asset: one spec, its checks, and a body that takes one turn. What the turn does is in steps."""

import warnings
from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, LeaseLost, OneshotError
from oneshot_dagster.orchestration.partitions import changes
from oneshot_dagster.orchestration.show import OUTCOME_TAG, shown, skipped
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.take import Caller, taken

OpenServices = Callable[[], Services]
OWNER = "team:oneshot"


class LaunchConfig(dg.Config):
    """What a launch may add to the issue; immutable once the change is taken in."""

    base: str = ""
    prompt: str = ""


def step_asset(
    open_services: OpenServices,
    artifact: Artifact,
    *,
    group: str,
    kinds: set[str],
    description: str,
    after: Artifact | None,
    and_after: Artifact | None = None,
    checks: Sequence[tuple[str, str]] = (),
) -> dg.AssetsDefinition:
    """`checks` are (name, description). `and_after` is for runs that leave `after` out.
    The asset yields nothing where it is not its turn, and the rest is skipped."""
    spec = dg.AssetSpec(
        artifact.value,
        deps=[one.value for one in (after, and_after) if one],
        partitions_def=changes,
        skippable=True,
        group_name=group,
        kinds=kinds,
        description=description,
        owners=[OWNER],
        tags={"oneshot/step": str(tuple(Artifact).index(artifact) + 1).zfill(2)},
        code_version="1",
    )

    @dg.multi_asset(
        name=artifact.value, specs=[spec], can_subset=True, check_specs=[_check(artifact, *check) for check in checks]
    )
    def step(context: dg.AssetExecutionContext, config: LaunchConfig) -> Iterator[object]:
        yield from _body(open_services, artifact, context, config)

    return step


def _body(
    open_services: OpenServices, artifact: Artifact, context: dg.AssetExecutionContext, config: LaunchConfig
) -> Iterator[object]:
    if not context.has_partition_key:
        raise dg.Failure(
            'no change named: launch with --tags \'{"dagster/partition": "owner/repo#N"}\'', allow_retries=False
        )
    key = _key(context.partition_key)
    first, last = _ends_of_run(context)
    if artifact is first:
        context.instance.add_dynamic_partitions(changes.name or "", [str(key)])
    caller = Caller(
        run_id=context.run.run_id,
        say=context.log.info,
        others_wait=lambda: _others_wait(context),
        alarm=context.log.error,
        base=config.base or None,
        prompt=config.prompt,
        triggered_by=context.run.tags.get("oneshot/by", "a launch by hand"),
    )
    try:
        with taken(open_services(), artifact, key, caller) as outcome:
            if isinstance(outcome, Record):
                yield from shown(outcome, str(key))
                if artifact is last:
                    _tag(context, outcome.what_happened)
            else:
                skipped(context, outcome)
    except LeaseLost as error:
        context.log.info(f"{artifact}: nothing done: {error}")
        _tag(context, f"no-op: {error}")
    except BadInput as error:
        _tag(context, f"{artifact}: {error}")
        raise dg.Failure(str(error), allow_retries=False) from None
    except OneshotError as error:
        _tag(context, f"{artifact}: {error}")
        raise dg.Failure(f"{artifact}: {error}", allow_retries=False) from error


def _ends_of_run(context: dg.AssetExecutionContext) -> tuple[Artifact, Artifact]:
    """The first and the last artifact that this run may leave."""
    names = {node.name for node in context.job_def.nodes}
    selected = [artifact for artifact in Artifact if artifact.value in names]
    return selected[0], selected[-1]


def _key(partition: str) -> ChangeKey:
    try:
        return ChangeKey.parse(partition)
    except BadInput as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _others_wait(context: dg.AssetExecutionContext) -> bool:
    """Whether another change's run waits in the queue for the slot that this one holds."""
    waiting = context.instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), limit=5)
    partition = context.partition_key
    return any(record.dagster_run.tags.get("dagster/partition") != partition for record in waiting)


def _tag(context: dg.AssetExecutionContext, outcome: str) -> None:
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: outcome[:200]})


def _check(artifact: Artifact, name: str, description: str) -> dg.AssetCheckSpec:
    """Partitioned checks are a preview of Dagster's: this is the one place that asks for them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=artifact.value, description=description, blocking=False, partitions_def=changes
        )
