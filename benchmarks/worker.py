"""One run of the job in a process of its own, as Dagster's run worker: `python -m benchmarks.worker KEY OUT [--stock] [--watch]`.
Writes what it took from run started to run ended as JSON; --watch also what it was spent on, and each call to the outside."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from oneshot_dagster.system import process  # before anything that imports `run` from it


def main() -> int:
    options = _options()
    watch = None
    if options.watch:
        from benchmarks.watching import Watch

        watch = Watch(process)
        watch.begin()
    import dagster as dg
    from dagster._core.definitions.reconstruct import ReconstructableRepository

    module = "benchmarks.stock_definitions" if options.stock else "oneshot_dagster.definitions"
    job = ReconstructableRepository.for_module(module, "defs", str(Path.cwd())).get_reconstructable_job("one_shot")
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("change", [options.key])
        job.get_definition()  # the code is loaded when a run starts; its time is not the run's
        if watch is not None:
            watch.follow()
        wall, cpu = time.perf_counter(), _cpu()
        with dg.execute_job(job, instance, tags={"dagster/partition": options.key}) as result:
            run_id, success = result.run_id, result.success
        wall, cpu = time.perf_counter() - wall, _cpu() - cpu
        record = instance.get_run_record_by_id(run_id)
        assert record is not None
        assert record.start_time is not None and record.end_time is not None
        artifacts = len(instance.all_asset_keys()) if success else 0
        took = {
            "success": success,
            "run": record.end_time - record.start_time,
            "wall": wall,
            "cpu": cpu,
            "cpu_whole_process": _cpu(),
            "assets": artifacts,
        }
    if watch is not None:
        took["watched"] = watch.seen()
    options.out.write_text(json.dumps(took))
    return 0 if success else 1


def _cpu() -> float:
    """Of this process and of the children that it has reaped, seconds."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("key")
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--stock", action="store_true", help="Dagster's default executor; its storage is dagster.yaml's"
    )
    parser.add_argument("--watch", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
