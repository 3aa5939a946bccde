"""A workflow file read strictly: what the forge's CI will run, and each key that it cannot honour, by its path. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import cast

import yaml

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.expression import Unsupported, check_text, compile_condition

Node = Mapping[str, object]
_WORKFLOW_KEYS = {"name", "run-name", "on", "env", "jobs", "permissions"}
_JOB_KEYS = {"name", "runs-on", "needs", "if", "env", "steps", "timeout-minutes", "permissions"}
_STEP_KEYS = {"name", "id", "run", "uses", "with", "if", "env", "working-directory", "shell", "timeout-minutes"}
_ACTIONS = {  # action: the inputs that change nothing here
    "actions/checkout": {"fetch-depth", "persist-credentials", "fetch-tags", "show-progress"},
    "actions/setup-python": {"python-version", "cache", "check-latest", "cache-dependency-path"},
}
SHELLS = ("bash", "sh", "python")
_DEFAULT_TYPES = {"opened", "synchronize", "reopened"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Either `run`, or `action` without its version."""

    name: str
    run: str | None = None
    action: str | None = None
    condition: str = "success()"
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    shell: str | None = None
    folder: str = "."
    minutes: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """`problems` not empty: it must fail, naming them."""

    job_id: str
    name: str
    needs: tuple[str, ...] = ()
    condition: str = "success()"
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    steps: tuple[Step, ...] = ()
    minutes: float | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """The event that would start a workflow, for one open pull request; `checks_requested` is the merge queue's."""

    action: str
    head_ref: str
    base_ref: str

    @property
    def event(self) -> str:
        return "merge_group" if self.action == "checks_requested" else "pull_request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """`jobs` stand in an order in which each comes after those it needs."""

    file: str
    name: str
    env: Mapping[str, str]
    jobs: tuple[Job, ...]


def read(file: str, text: str, trigger: Trigger) -> Workflow | None:
    """None where the trigger does not start it. A file that makes no sense is a workflow of one job that must fail."""
    problems: list[str] = []
    try:
        root = _mapping(_keyed(yaml.safe_load(text)), "the file")
        if not _covers(root.get("on"), trigger, problems):
            return None
        problems += _unknown(root, _WORKFLOW_KEYS, "")
        env = _env(root, "env", problems)
        nodes = _mapping(root.get("jobs"), "jobs")
        jobs = _ordered([_job(str(job_id), node, problems) for job_id, node in nodes.items()])
    except (yaml.YAMLError, Unsupported) as e:
        broken = Job(job_id=file, name=file, problems=(*problems, str(e)))
        return Workflow(file=file, name=file, env={}, jobs=(broken,))
    return Workflow(file=file, name=str(root.get("name") or file), env=env, jobs=tuple(jobs))


def name_of(file: str, text: str) -> str:
    """Its own name, or its path where it has none or cannot be read."""
    try:
        root = untyped.mapping(yaml.safe_load(text)) or {}
    except yaml.YAMLError:
        root = {}
    return str(root.get("name") or f".github/workflows/{file}")


def _keyed(node: object) -> object:
    """YAML 1.1 reads the key `on` as true."""
    if not isinstance(node, dict):
        return node
    pairs = cast("dict[object, object]", node)
    return {"on" if key is True else key: value for key, value in pairs.items()}


def _covers(on: object, trigger: Trigger, problems: list[str]) -> bool:
    starting = {"merge_group"} if trigger.event == "merge_group" else {"push", "pull_request"}
    if isinstance(on, str):
        return on in starting
    if listed := untyped.sequence(on):
        return bool(starting & {str(x) for x in listed})
    events = _mapping(on, "on")
    if trigger.event == "merge_group":
        return "merge_group" in events
    pulled = "pull_request" in events and _pull_event(events["pull_request"], trigger, problems)
    pushed = "push" in events and _push_event(events["push"], trigger, problems)
    return pulled or pushed


def _pull_event(node: object, trigger: Trigger, problems: list[str]) -> bool:
    filters = _mapping(node or {}, "on.pull_request")
    problems += _unknown(filters, {"branches", "types"}, "on.pull_request.")
    types = set(_strings(filters.get("types"), "on.pull_request.types")) or _DEFAULT_TYPES
    return trigger.action in types and _branch_matches(filters, trigger.base_ref, "on.pull_request")


def _push_event(node: object, trigger: Trigger, problems: list[str]) -> bool:
    """Opening a pull request is no push, but its head was pushed before and nobody built it then."""
    filters = _mapping(node or {}, "on.push")
    if "tags" in filters and "branches" not in filters:
        return False
    problems += _unknown(filters, {"branches", "tags"}, "on.push.")
    return _branch_matches(filters, trigger.head_ref, "on.push")


def _branch_matches(filters: Node, branch: str, where: str) -> bool:
    patterns = _strings(filters.get("branches"), f"{where}.branches")
    matched = "branches" not in filters
    for pattern in patterns:  # the last pattern that fits decides, `!` takes out
        if _fits(branch, pattern.removeprefix("!")):
            matched = not pattern.startswith("!")
    return matched


def _fits(branch: str, pattern: str) -> bool:
    """GitHub's * stops at a slash, ** does not."""
    if not re.search(r"(?<!\*)\*(?!\*)|\?", pattern):
        return fnmatchcase(branch, pattern)
    parts = [re.escape(p).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") for p in pattern.split("**")]
    return re.fullmatch(".*".join(parts), branch) is not None


def _job(job_id: str, value: object, inherited: list[str]) -> Job:
    where = f"jobs.{job_id}"
    problems = list(inherited)
    node = _mapping(value, where)
    problems += _unknown(node, _JOB_KEYS, f"{where}.")
    runner = node.get("runs-on")
    if not (isinstance(runner, str) and runner.startswith("ubuntu-")):
        problems.append(f"{where}.runs-on: {runner}")
    condition = _condition(node, where, problems)
    steps = untyped.sequence(node.get("steps")) or []
    if not steps:
        problems.append(f"{where}.steps")
    return Job(
        job_id=job_id,
        name=str(node.get("name") or job_id),
        needs=_strings(node.get("needs"), f"{where}.needs"),
        condition=condition,
        env=_env(node, f"{where}.env", problems),
        steps=tuple(_step(f"{where}.steps[{i}]", s, problems) for i, s in enumerate(steps)),
        minutes=_minutes(node, where, problems),
        problems=tuple(problems),
    )


def _step(where: str, value: object, problems: list[str]) -> Step:
    node = _mapping(value, where)
    problems += _unknown(node, _STEP_KEYS, f"{where}.")
    run, uses = node.get("run"), node.get("uses")
    if (run is None) == (uses is None):
        problems.append(f"{where}: needs exactly one of run and uses")
    shell = node.get("shell")
    if shell is not None and shell not in SHELLS:
        problems.append(f"{where}.shell: {shell}")
    folder = str(node.get("working-directory") or ".")
    title = str(node.get("name") or uses or str(run).strip().split("\n")[0])
    _texts([title, str(run or ""), folder], where, problems)
    return Step(
        name=title,
        run=None if run is None else str(run),
        action=_action(node, where, problems) if uses is not None else None,
        condition=_condition(node, where, problems),
        env=_env(node, f"{where}.env", problems),
        shell=str(shell) if shell else None,
        folder=folder,
        minutes=_minutes(node, where, problems),
    )


def _action(node: Node, where: str, problems: list[str]) -> str:
    name = str(node["uses"]).partition("@")[0]
    if name not in _ACTIONS:
        problems.append(f"{where}.uses: {node['uses']}")
        return name
    inputs = _mapping(node.get("with") or {}, f"{where}.with")
    problems += _unknown(inputs, _ACTIONS[name], f"{where}.with.")
    return name


def _condition(node: Node, where: str, problems: list[str]) -> str:
    if "if" not in node:
        return "success()"
    value = node["if"]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        compile_condition(text)
    except Unsupported as e:
        problems.append(f"{where}.if: {e}")
    return text


def _env(node: Node, where: str, problems: list[str]) -> dict[str, str]:
    pairs = _mapping(node.get("env") or {}, where)
    values = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in pairs.items()}
    _texts(values.values(), where, problems)
    return values


def _texts(texts: Iterable[str], where: str, problems: list[str]) -> None:
    for text in texts:
        try:
            check_text(text)
        except Unsupported as e:
            problems.append(f"{where}: {e}")


def _minutes(node: Node, where: str, problems: list[str]) -> float | None:
    value = node.get("timeout-minutes")
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0):
        return value
    problems.append(f"{where}.timeout-minutes: {value}")
    return None


def _ordered(jobs: list[Job]) -> list[Job]:
    """Each after those it needs; a need that nobody has, or a circle, is a problem of the file."""
    placed: list[Job] = []
    left = list(jobs)
    while left:
        ready = [j for j in left if set(j.needs) <= {p.job_id for p in placed}]
        if not ready:
            raise Unsupported(f"jobs.{left[0].job_id}.needs: {', '.join(left[0].needs)}")
        placed += ready
        left = [j for j in left if j not in ready]
    return placed


def _unknown(node: Node, known: set[str], where: str) -> list[str]:
    return [f"{where}{key}" for key in node if key not in known]


def _mapping(node: object, where: str) -> Node:
    found = untyped.mapping(node)
    if found is None:
        raise Unsupported(f"{where}: not a mapping")
    return found


def _strings(node: object, where: str) -> tuple[str, ...]:
    if node is None:
        return ()
    if isinstance(node, str):
        return (node,)
    found = untyped.sequence(node)
    if found is None:
        raise Unsupported(f"{where}: not a list")
    return tuple(str(x) for x in found)
