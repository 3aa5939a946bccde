"""What Dagster is given: eleven assets in the order of the run, each fit to be looked at."""

from itertools import pairwise

import dagster as dg
import pytest

from oneshot_dagster.definitions import defs
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State, selection

ORDER = [artifact.value for artifact in Artifact]


@pytest.fixture(scope="module")
def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_the_definitions_load():
    dg.Definitions.validate_loadable(defs)


def test_the_assets_are_the_artifacts_each_after_the_one_before(specs):
    assert sorted(specs) == sorted(ORDER)
    after = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in specs.items()}
    besides = {Artifact.FILE_SNAPSHOT: {Artifact.LOCAL_TEST_REPORT}}
    assert after == {name: {*ORDER[i - 1 : i], *besides.get(name, ())} if i else set() for i, name in enumerate(ORDER)}


@pytest.mark.parametrize("head_moved", [True, False])
@pytest.mark.parametrize("state", State)
def test_whatever_a_continuation_runs_it_runs_in_the_order_of_the_run(specs, state, head_moved):
    """Dagster keeps no order between assets of which neither needs the other."""
    for one, following in pairwise(selection(state, head_moved=head_moved)):
        assert one.value in {dep.asset_key.to_user_string() for dep in specs[following.value].deps}


@pytest.mark.parametrize("name", ORDER)
def test_an_asset_says_what_it_is(specs, name):
    spec = specs[name]
    assert spec.description is not None
    assert len(spec.description) > 40
    assert spec.group_name != "default"
    assert list(spec.owners) == ["team:oneshot"]
    assert spec.kinds
    assert isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition)


def test_groups_sort_in_the_order_of_the_run(specs):
    groups = [specs[name].group_name or "" for name in ORDER]
    assert groups == sorted(groups)


def test_no_check_blocks():
    checks = [spec for asset in defs.assets or [] for spec in asset.check_specs]
    assert {spec.name for spec in checks} == {
        "local_tests",
        "ci_green",
        "review_clear",
        "mergeable",
        "judge_pass",
        "integration",
        "e2e",
    }
    assert not any(spec.blocking for spec in checks)


def test_dagsters_own_retries_are_off():
    assert defs.resolve_job_def("one_shot").tags["dagster/max_retries"] == "0"
