"""The environment and configuration that every git of ours runs with, whatever the machine's or the user's own says.
What a single call adds (credentials, a worktree, an index) comes on top."""

from collections.abc import Iterable, Mapping

from oneshot_dagster.system.process import clean_environment

LOCAL = 300.0  # seconds for a call that stays on this machine
NETWORK = 1800.0
OUTPUT_LIMIT = 512 * 2**20  # bytes of a stream that we read of one call

CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.quotePath", "true"),
    ("core.symlinks", "true"),
    ("core.fileMode", "true"),
    ("core.sshCommand", "false"),
    ("core.pager", "cat"),
    ("core.logAllRefUpdates", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("safe.directory", "*"),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("diff.external", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("advice.detachedHead", "false"),
    ("advice.addEmbeddedRepo", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
)

_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:http:file",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TEMPLATE_DIR": "",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
    "HOME": "/dev/null",  # curl would read a .netrc in a real one
}


def fixed(extra: Mapping[str, str] | None = None, *, config: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """The complete environment; `config` goes over the fixed configuration, in order."""
    pairs = (*CONFIG, *config)
    environment = clean_environment(**_FIXED, **(extra or {}))
    environment["GIT_CONFIG_COUNT"] = str(len(pairs))
    for number, (name, value) in enumerate(pairs):
        environment[f"GIT_CONFIG_KEY_{number}"] = name
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment
