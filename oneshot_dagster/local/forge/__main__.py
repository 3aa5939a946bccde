"""`python -m oneshot_dagster.local.forge --home DIR --port N --people FILE`: the forge as a process of its own."""

import argparse
import sys
from pathlib import Path

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.local.forge.config import ForgeConfig, read_people


def main() -> int:
    options = _parser().parse_args()
    try:
        people = read_people(options.people)
        config = ForgeConfig(
            home=options.home.absolute(),
            port=options.port,
            people=people,
            owner=options.owner or next((p.login for p in people if p.admin), people[0].login),
            ci_delay=options.ci_delay,
            null_ci=options.null_ci,
            lazy_mergeable=options.lazy_mergeable,
        )
        from oneshot_dagster.local.forge.server import serve

        serve(config)
    except (OneshotError, ValueError, OSError) as e:
        print(e, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m oneshot_dagster.local.forge", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="where its state and repositories live")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--people", type=Path, required=True, help="JSON: {login: {token, admin, permissions}}")
    parser.add_argument("--owner", help="who acts when a button on the page is pressed (default: the first admin)")
    parser.add_argument("--ci-delay", type=float, default=0.0, help="seconds that a check stays queued")
    parser.add_argument("--null-ci", action="store_true", help="checks succeed at once without running (benchmarks)")
    parser.add_argument(
        "--lazy-mergeable", action="store_true", help="mergeable is unknown on the first look, as on GitHub"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
