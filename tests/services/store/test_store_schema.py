import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from store_fixtures import sha, until_locked

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store import schema
from oneshot_dagster.services.store.address import engine_url, libpq_url
from oneshot_dagster.services.store.schema import Standing

_UPGRADE = "import sys; from oneshot_dagster.services.store.schema import upgrade; upgrade(sys.argv[1])"


def _run(url: str, statement: str) -> None:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute(statement)


def test_an_empty_database_is_absent_then_current_after_upgrade(make_database: Callable[..., str]) -> None:
    url = make_database()
    assert schema.check(url).standing is Standing.ABSENT
    schema.upgrade(url)
    assert schema.check(url).standing is Standing.CURRENT
    schema.upgrade(url)


def test_four_starters_at_once_wait_for_each_other_and_all_succeed(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [schema.LOCK])
        starters = [
            subprocess.Popen([sys.executable, "-c", _UPGRADE, url], stderr=subprocess.PIPE, text=True) for _ in range(4)
        ]
        until_locked(connection, 4)
    ends = [(starter.communicate(timeout=120)[1], starter.returncode) for starter in starters]
    assert [code for _, code in ends] == [0, 0, 0, 0], ends
    assert schema.check(url).standing is Standing.CURRENT


def test_tables_of_somebody_else_are_refused_by_name_and_left_alone(make_database: Callable[..., str]) -> None:
    url = make_database()
    _run(url, "create schema codex_judge; create table codex_judge.runs (id int); create schema memories")
    with pytest.raises(BadInput, match=r"codex_judge\.runs"):
        schema.upgrade(url)
    assert schema.check(url).tables == ("codex_judge.runs",)


def test_a_newer_schema_is_refused(store_url: str) -> None:
    _run(store_url, "update codex_judge.oneshot_version set version_num = '9999'")
    assert schema.check(store_url).standing is Standing.NEWER
    with pytest.raises(BadInput, match="9999"):
        schema.upgrade(store_url)


def test_a_version_table_without_a_version_is_behind(store_url: str) -> None:
    _run(store_url, "delete from codex_judge.oneshot_version")
    assert schema.check(store_url).standing is Standing.BEHIND


def test_a_failed_migration_leaves_nothing(make_database: Callable[..., str]) -> None:
    url = make_database()
    _run(url, "create schema memories; create function memories.entries_search() returns int language sql return 1")
    _run(url, "create schema workflow_comms; create type workflow_comms.agent_messages as enum ('in the way')")
    with pytest.raises(Exception, match="agent_messages"):
        schema.upgrade(url)
    assert schema.check(url).standing is Standing.ABSENT


def test_files_and_verifications_of_the_first_schema_are_kept_by_the_upgrade(make_database: Callable[..., str]) -> None:
    url = make_database()
    _upgrade_to("0001", url)
    assert schema.check(url).standing is Standing.BEHIND
    _run(url, "insert into jangar_github.pr_snapshots values ('acme/shop', 7, repeat('b', 40), repeat('a', 40))")
    _run(
        url,
        """insert into jangar_github.pr_files
           (repository, pr_number, commit_sha, path_bytes, path, status, old_mode, new_mode, old_blob, new_blob)
           values ('acme/shop', 7, repeat('b', 40), 'x', 'x', 'added', '1', '1', '1', '1')""",
    )
    _run(
        url,
        """with run as (
             insert into codex_judge.runs
             (repository, issue_number, attempt, kind, state, mode, base, head, prompt, issue_title, issue_body, issue_sha256,
              issue_author, triggered_by, policy, verified_sha)
             values ('acme/shop', 7, 1, 'implement', 'completed', 'merge', 'main', '', '', '', '', '', '', '', '', repeat('c', 40))
             returning id)
           insert into codex_judge.records (run_id, artifact, record, dagster_run_id, seconds)
           select id, 'deployment', '{"shown": {"environment": "staging"}}', '', 0 from run""",
    )
    schema.upgrade(url)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        rows = connection.execute("select path, commit_sha, pg_typeof(commit_sha)::text from jangar_github.pr_files")
        assert rows.fetchall() == [("x", sha("b"), "text")]
        verified = connection.execute("select verified_sha, verified_in from codex_judge.runs")
        assert verified.fetchall() == [(sha("c"), "staging")]


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "oneshot_dagster/services/store/migrations")
    config.set_main_option("path_separator", "os")
    return config


def _upgrade_to(revision: str, url: str) -> None:
    config = _migrations()
    engine = sa.create_engine(engine_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_database_that_is_away_is_try_again() -> None:
    with pytest.raises(TryAgain):
        schema.check("postgresql://nobody:secret@127.0.0.1:1/none")


def test_a_url_of_something_else_is_refused_without_its_password() -> None:
    with pytest.raises(BadInput) as caught:
        schema.check("mysql://me:hunter2@127.0.0.1/x")
    assert "hunter2" not in str(caught.value)


def test_the_version_of_this_program_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_migrations()).get_current_head() == schema.HEAD


@pytest.mark.parametrize(("domain", "words"), [("run_state", State), ("artifact_name", Artifact)])
def test_the_database_knows_exactly_the_words_of_the_domain(sql: psycopg.Connection, domain: str, words: type) -> None:
    query = "select pg_get_constraintdef(oid) from pg_constraint where conname = %s"
    row = sql.execute(query, [domain]).fetchone()
    assert row is not None
    assert set(row[0].split("'")[1::2]) == {word.value for word in words}
