"""What a clean run went through, as system/crashing records it, and what was seen of it outside meanwhile: rows that were
written and requests to the forge, of its API and its git, that change something. Each has to lie within a call."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from world_fixtures import World

from oneshot_dagster.services.store.address import libpq_url

INTAKE, LOOKS = -1, 0  # in place of the number of a run
_LOGIN = "oneshot"
_OTHER_THREAD = "#0"
# What these services leave is neither a row nor a request: files, processes, a service that was started. But for what only reads.
_LEAVE = {"git", "agent", "suites", "deploy", "blobs", "judge"}
_READ = {
    "worktree_path",
    "tree",
    "read_file",
    "parents",
    "is_ancestor",
    "resolve",
    "remote_head",
    "merge_base",
    "merge_tree",
} | {
    *(
        "patch",
        "changed_files",
        "changes_archive",
        "isolation",
        "not_enforced",
        "observe",
        "ready",
        "failed",
        "no_undo",
        "get",
    )
}
_SEEN = """
create schema if not exists seen;
create table if not exists seen.rows
    (at timestamptz not null, tx bigint not null, connection int not null, what text not null);
create or replace function seen.note() returns trigger language plpgsql as $$ begin
    insert into seen.rows values
        (clock_timestamp(), txid_current(), pg_backend_pid(), lower(tg_op) || ' ' || tg_table_schema || '.' || tg_table_name);
    return null;
end $$;
"""
_TABLES = """select schemaname, tablename from pg_tables
where schemaname in ('codex_judge', 'jangar_github', 'workflow_comms', 'memories') order by 1, 2"""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """`unit` is there whole or not at all: a transaction, or a request. `service` is whose calls do such a thing; `source`, where it
    is known, one connection, and with it one process."""

    at: float
    what: str
    unit: str
    service: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """Of a `run` of the change, LOOKS those of who looks at it; `lines` are those of its begin and its end in the recorded file."""

    name: str
    run: int
    begun: float
    ended: float
    lines: tuple[int, int]
    effects: tuple[Effect, ...] = ()

    @property
    def leaves_something(self) -> bool:
        service, method = self.name.partition(" ")[0].split(".", 1)
        return bool(self.effects) or (service in _LEAVE and method not in _READ)

    @property
    def of_the_run_itself(self) -> bool:
        """Not of a thread beside it, whose moments nobody can name."""
        return not self.name.endswith(_OTHER_THREAD)


def calls_in(file: Path, run: int) -> list[Call]:
    """By their begin."""
    open_, found = dict[tuple[str, str], list[Call]](), list[Call]()
    for number, line in enumerate(file.read_text().splitlines(), 1):
        at, process, boundary = line.split(" ", 2)
        name, _, side = boundary.rpartition(" ")
        if side == "before":
            begun = Call(name=name, run=run, begun=float(at), ended=float("inf"), lines=(number, 0))
            open_.setdefault((process, name), []).append(begun)
        else:
            begun = open_[process, name].pop()
            found.append(replace(begun, ended=float(at), lines=(begun.lines[0], number)))
    return sorted(found, key=lambda call: call.begun)


def watch_rows(world: World) -> None:
    """From now on each row that anybody writes is noted, and nothing from before."""
    with psycopg.connect(libpq_url(world.store_url), autocommit=True) as database:
        database.execute(_SEEN)
        for schema, table in database.execute(_TABLES).fetchall():
            where = sql.Identifier(schema, table)
            database.execute(sql.SQL("drop trigger if exists seen on {}").format(where))
            database.execute(
                sql.SQL(
                    "create trigger seen after insert or update or delete on {} for each row execute function seen.note()"
                ).format(where)
            )
        database.execute("truncate seen.rows")


def unwatch_rows(world: World) -> None:
    with psycopg.connect(libpq_url(world.store_url), autocommit=True) as database:
        database.execute("drop schema seen cascade")


def seen_outside(world: World) -> list[Effect]:
    """Since `watch_rows`, and since the forge's log was cleared; oldest first."""
    with psycopg.connect(libpq_url(world.store_url)) as database:
        rows = database.execute("select extract(epoch from at)::float8, what, tx, connection from seen.rows").fetchall()
    effects = [
        Effect(at=at, what=what, unit=f"transaction {tx}", service="store", source=f"connection {connection}")
        for at, what, tx, connection in rows
    ]
    for asked in world.forge.requests():
        if asked["login"] == _LOGIN and _changes(asked):
            what = f"{asked['method']} {re.sub('[0-9a-f]{40}|[0-9]+', '{n}', asked['path'].removeprefix('/api/v3'))}"
            at = datetime.fromisoformat(asked["at"]).timestamp()
            service = "github" if asked["path"].startswith("/api/") else "git"
            effects.append(Effect(at=at, what=what, unit=f"request {asked['id']}", service=service))
    return sorted(effects, key=lambda effect: effect.at)


def attributed(calls: Iterable[Call], effects: Sequence[Effect]) -> tuple[list[Call], list[Effect]]:
    """The calls, each with what was seen while it was the innermost; and what was seen within no call of its service."""
    calls, beyond = list(calls), list[Effect]()
    found: list[list[Effect]] = [[] for _ in calls]
    around = [
        [i for i, c in enumerate(calls) if c.begun <= e.at <= c.ended and c.name.startswith(f"{e.service}.")]
        for e in effects
    ]
    runs = _runs_of_sources(calls, effects, around)
    for effect, all_ in zip(effects, around, strict=True):
        own = [i for i in all_ if effect.source not in runs or calls[i].run in runs[effect.source]]
        if own:
            found[max(own, key=lambda i: calls[i].begun)].append(effect)
        else:
            beyond.append(effect)
    return [replace(call, effects=tuple(seen)) for call, seen in zip(calls, found, strict=True)], beyond


def _runs_of_sources(
    calls: Sequence[Call], effects: Sequence[Effect], around: Sequence[Sequence[int]]
) -> dict[str, set[int]]:
    """A connection is one run's: that in which there was a call around all that it wrote."""
    found: dict[str, set[int]] = {}
    for effect, indices in zip(effects, around, strict=True):
        if effect.source:
            runs = {calls[i].run for i in indices}
            found[effect.source] = found.get(effect.source, runs) & runs
    return found


def _changes(asked: dict) -> bool:
    if asked["method"] == "GET" or asked["path"].endswith("git-upload-pack"):
        return False
    return not asked["graphql"] or asked["graphql"].lstrip().startswith("mutation")
