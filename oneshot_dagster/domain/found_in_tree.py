"""What a repository's files say of how it is set up, tested and deployed: hints for a proposed policy, each with its file.
Nothing is run and nothing is certain; a person decides."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

_READ = ("pyproject.toml", "package.json", "Makefile", "makefile", "GNUmakefile", "tox.ini", "setup.cfg", "pytest.ini")
_MOST_MANIFESTS = 30
_MANIFEST = re.compile(r"(?:^|/)(?:[^/]*argo[^/]*/.*|application[^/]*|argo[^/]*)\.ya?ml$", re.IGNORECASE)
_DEPLOY = re.compile(r"(?:(?:scripts|bin|ci|tools)/)?deploy(?:\.sh|\.py)?")
_E2E = re.compile(r"(?:^|/)(e2e|integration|playwright)/")
_MAKE_TEST = re.compile(r"^test\s*:(?!=)", re.MULTILINE)
_NO_TEST = "no test specified"
_EXTRAS = ("test", "tests", "testing", "dev")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """`text` is a command, or of a deployment what there is; `why` names the file and what in it says so."""

    text: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    setup: tuple[Hint, ...] = ()
    tests: tuple[Hint, ...] = ()
    scripts: tuple[str, ...] = ()
    applications: tuple[Hint, ...] = ()
    charts: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()


def wanted(paths: Sequence[str]) -> tuple[str, ...]:
    """The files that have to be read."""
    manifests = [path for path in paths if _MANIFEST.search(path)][:_MOST_MANIFESTS]
    return tuple([path for path in paths if path in _READ] + manifests)


def hints(paths: Sequence[str], contents: Mapping[str, str]) -> Hints:
    """`contents` of what is `wanted`; a file that cannot be read says nothing."""
    found = _Tree(frozenset(paths), contents)
    tests = tuple(found.tests())
    return Hints(
        setup=tuple(found.setup()) if tests else (),
        tests=tests,
        scripts=tuple(sorted(path for path in paths if _DEPLOY.fullmatch(path))),
        applications=tuple(_applications(contents)),
        charts=tuple(sorted(path for path in paths if path.rpartition("/")[2] == "Chart.yaml"))[:5],
        suites=tuple(sorted({path[: m.end() - 1] for path in paths if (m := _E2E.search(path))}))[:5],
    )


class _Tree:
    def __init__(self, paths: frozenset[str], contents: Mapping[str, str]) -> None:
        self._paths, self._contents = paths, contents
        self._project = _table(_toml(contents.get("pyproject.toml", "")))
        self._package = _table(_json(contents.get("package.json", "")))

    def tests(self) -> Iterator[Hint]:
        """A `make test` is the project's own word and stands alone."""
        makefile = next((name for name in ("GNUmakefile", "makefile", "Makefile") if name in self._paths), "")
        if _MAKE_TEST.search(self._contents.get(makefile, "")):
            yield Hint(text="make test", why=f"{makefile} has a target test")
            return
        yield from self._python()
        script = str(_table(self._package.get("scripts")).get("test") or "")
        if script and _NO_TEST not in script:
            yield Hint(text=f"{self._node()} test", why="package.json has scripts.test")
        for text, name in self._others():
            yield Hint(text=text, why=name)

    def setup(self) -> Iterator[Hint]:
        if "uv.lock" in self._paths:
            yield Hint(text="uv sync", why="uv.lock")
        elif "poetry.lock" in self._paths:
            yield Hint(text="poetry install", why="poetry.lock")
        elif self._has_pytest() and not self._has_tox():
            yield Hint(text=self._venv(), why="for pytest")
        if self._package:
            locks = {"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock", "bun": "bun.lock", "npm": "package-lock.json"}
            lock = locks[self._node().split()[0]]
            npm = "npm ci" if lock in self._paths else "npm install"
            install = npm if lock.startswith("package") else f"{self._node().split()[0]} install --frozen-lockfile"
            yield Hint(text=install, why=lock if lock in self._paths else "package.json")
        if "Gemfile" in self._paths:
            yield Hint(text="bundle install", why="Gemfile")

    def _python(self) -> Iterator[Hint]:
        if self._has_tox():
            yield Hint(text="tox", why="tox.ini" if "tox.ini" in self._paths else "pyproject.toml has [tool.tox]")
        elif self._has_pytest():
            runner = next((f"{name} run " for name in ("uv", "poetry") if f"{name}.lock" in self._paths), "")
            python = "" if runner else ".venv/bin/python -m "
            yield Hint(text=f"{runner}{python}pytest --junitxml={{junit}}", why="pytest is set up or asked for")

    def _has_tox(self) -> bool:
        return "tox.ini" in self._paths or "tox" in _table(self._project.get("tool"))

    def _has_pytest(self) -> bool:
        if "pytest.ini" in self._paths or "conftest.py" in self._paths or "tests/conftest.py" in self._paths:
            return True
        return "pytest" in self._contents.get("pyproject.toml", "") + self._contents.get("setup.cfg", "")

    def _venv(self) -> str:
        extras = _table(_table(self._project.get("project")).get("optional-dependencies"))
        extra = next((f"[{name}]" for name in _EXTRAS if name in extras), "")
        packaged = "build-system" in self._project or "setup.py" in self._paths
        own = f" -e '.{extra}'" if packaged else ""
        listed = " -r requirements.txt" if "requirements.txt" in self._paths else ""
        return f"python3 -m venv .venv && .venv/bin/pip install pytest{listed}{own}"

    def _node(self) -> str:
        locks = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun run"}
        return next((tool for lock, tool in locks.items() if lock in self._paths), "npm")

    def _others(self) -> Iterator[tuple[str, str]]:
        has = self._paths.__contains__
        if has("go.mod"):
            yield "go test ./...", "go.mod"
        if has("Cargo.toml"):
            yield "cargo test", "Cargo.toml"
        if has("pom.xml"):
            yield ("./mvnw -B test" if has("mvnw") else "mvn -B test"), "pom.xml"
        if has("build.gradle") or has("build.gradle.kts"):
            yield ("./gradlew test" if has("gradlew") else "gradle test"), "build.gradle"
        if has("mix.exs"):
            yield "mix test", "mix.exs"
        if has("Gemfile") and any(path.startswith("spec/") for path in self._paths):
            yield "bundle exec rspec", "Gemfile and spec/"


def _applications(contents: Mapping[str, str]) -> Iterator[Hint]:
    for path, text in contents.items():
        for document in re.split(r"^---", text, flags=re.MULTILINE):
            if not re.search(r"^apiVersion:\s*argoproj\.io/", document, re.MULTILINE):
                continue
            name = re.search(r"^metadata:\s*\n(?:[ \t]+.*\n)*?[ \t]+name:[ \t]*[\"']?([\w.-]+)", document, re.MULTILINE)
            if re.search(r"^kind:\s*Application\s*$", document, re.MULTILINE) and name:
                yield Hint(text=name[1], why=path)


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
