"""Promises about the project that no linter holds: names that match across layers, documents that are true."""

import ast
import importlib
import re
from pathlib import Path

import click
import pytest

import oneshot_dagster
from oneshot_dagster.cli import main
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.brief import DECIDE
from oneshot_dagster.domain.resume_facts import Awaiting
from oneshot_dagster.settings import PREFIX, Settings
from oneshot_dagster.steps.probes import PROBES, Action

PACKAGE = Path(oneshot_dagster.__file__).parent
ROOT = PACKAGE.parent
PLANTED = PACKAGE / "local" / "demo" / "shop"  # the demo's repository, which is not ours
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if PLANTED not in path.parents)
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md")
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
ARTIFACTS = [artifact.value for artifact in Artifact]


def relative(path):
    return str(path.relative_to(ROOT))


def documents():
    return [*(ROOT / name for name in DOCUMENTS), *sorted((ROOT / "docs").rglob("*.md"))]


def outside_code(text):
    """Without fenced blocks and code spans, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(text):
    """As GitHub makes them of headings."""
    heads = re.findall(
        r"^#+ +(.+?) *#*$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", head).lower()).replace(" ", "-") for head in heads}


def test_every_artifact_has_a_step_and_an_asset_of_its_name():
    for folder in (PACKAGE / "steps", PACKAGE / "orchestration" / "assets"):
        assert set(ARTIFACTS) <= {path.stem for path in folder.glob("*.py")}, relative(folder)


def test_every_asset_is_an_artifact():
    stems = {path.stem for path in (PACKAGE / "orchestration" / "assets").glob("*.py")}
    assert stems - {"__init__"} == set(ARTIFACTS)


def test_the_definitions_hold_exactly_the_artifacts():
    from oneshot_dagster.definitions import defs

    keys = [key.to_user_string() for asset in defs.assets or () for key in asset.keys]
    assert keys == ARTIFACTS


def test_the_schema_knows_exactly_the_artifacts():
    scripts = "".join(
        path.read_text() for path in (PACKAGE / "services" / "store" / "migrations" / "sql").glob("*.sql")
    )
    (listed,) = re.findall(r"constraint artifact_name check \(value in \((.*?)\)\)", scripts, re.DOTALL)
    assert re.findall(r"'(\w+)'", listed) == ARTIFACTS


def test_architecture_lists_each_artifact_once_in_each_of_its_tables():
    rows = re.findall(r"^\| (\w+) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    named = [row for row in rows if row in ARTIFACTS]
    assert named == [*ARTIFACTS, *ARTIFACTS]


def test_every_setting_stands_in_the_operations_table_and_nothing_else_does():
    known = set()
    for name, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        known |= {f"{PREFIX}{name}__{key}".upper() for key in inner} if inner else {f"{PREFIX}{name}".upper()}
    rows = re.findall(
        rf"^\| `({PREFIX}\w+)` \|.*\| *\S+.*\|$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted(known)


def test_an_operator_finds_every_code_with_which_a_change_stops():
    """In the brief, with what a person decides, and in the tables of operations.md."""
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    assert stopping_codes() - set(DECIDE) == set()
    assert set(DECIDE) - documented == set()


def stopping_codes():
    """What is given as a reason to NeedsHuman or as `human_reason`, and the codes that are made of other words."""
    trees = [
        ast.parse(path.read_text()) for path in MODULES if path.relative_to(PACKAGE).parts[0] not in {"local", "cli"}
    ]
    named = {
        target.id: node.value.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = {f"{what}_timeout" for what in Awaiting}
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = [
            k.value for k in call.keywords if k.arg == "human_reason" or (k.arg == "reason" and name == "NeedsHuman")
        ]
        given += call.args[:1] if name == "_human" else []
        said = [
            value.value if isinstance(value, ast.Constant) else named.get(getattr(value, "id", "")) for value in given
        ]
        found |= {one for one in said if isinstance(one, str)}
    return found


def test_the_documents_are_there():
    assert [relative(path) for path in documents() if not path.is_file()] == []


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_every_link_of_a_document_leads_somewhere(document):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_code(document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (document.parent / name).resolve() if name else document
        if not place.exists() or (anchor and anchor not in anchors(place.read_text())):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_every_file_of_ours_that_a_document_names_is_there(document):
    """Code spans like `steps/merge`, `domain/gate.decide` and `tests/test_layout.py`."""
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"tests", "docs", "benchmarks"}
    spans = re.findall(r"`([\w./-]+/[\w./-]+)`", document.read_text())
    ours = [span for span in spans if span.split("/")[0] in folders]
    assert [span for span in ours if not any(map(is_there, (PACKAGE / span, ROOT / span)))] == []


def is_there(path):
    """A file or folder, a module without its suffix, or a name in a module."""
    module = path.with_suffix(".py")
    if path.exists() or path.with_name(f"{path.name}.py").exists():
        return True
    return module.exists() and bool(
        re.search(rf"^(?:def|class) {path.suffix[1:]}\b|^{path.suffix[1:]}\b", module.read_text(), re.MULTILINE)
    )


def test_commands_that_documents_and_texts_name_exist():
    named = {}
    for path in (*documents(), *MODULES):
        for word in re.findall(r"(?:`|^)oneshot (\w+)", path.read_text(), re.MULTILINE):
            named.setdefault(word, relative(path))
    assert {word: where for word, where in named.items() if word not in main._COMMANDS} == {}


@pytest.mark.parametrize("name", list(main._COMMANDS))
def test_every_command_of_the_table_is_there(name):
    module, _, attribute = main._ENTRIES[name].partition(":")
    assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)


def test_the_documents_name_only_targets_that_the_makefile_has():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for path in documents()
        for word in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", path.read_text(), re.MULTILINE)
        for word in word
        if word
    }
    assert named - targets == set()


def test_every_effect_on_the_outside_world_has_a_probe():
    assert set(PROBES) == set(Action)


@pytest.mark.parametrize("lock", sorted(ROOT.glob("*.lock")), ids=relative)
def test_a_lock_file_names_no_host(lock):
    text = lock.read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text


def test_architecture_is_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 150


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_a_module_opens_with_one_to_four_lines_on_what_it_is(module):
    text = module.read_text()
    if module.name == "__init__.py" and not text.strip():
        return
    said = ast.get_docstring(ast.parse(text))
    assert said, "no docstring"
    assert len(said.splitlines()) <= 4


def test_no_module_is_named_after_nothing():
    bad = [
        relative(path)
        for path in (*PACKAGE.rglob("*"), *(ROOT / "tests").rglob("*.py"))
        if path.stem in NAMES_OF_NOTHING
    ]
    assert bad == []


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
