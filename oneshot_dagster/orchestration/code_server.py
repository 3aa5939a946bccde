"""`python -m oneshot_dagster.orchestration.code_server …`: Dagster's own command line, for the code server of the local stack.
Each run worker that it spawns imports this module first, and nothing else of the command line, so it loads sooner."""

import gc
import sys

gc.set_threshold(100_000, 20, 20)  # what is imported stays; looking through it each time is a fifth of a worker's start


def main() -> None:
    from dagster._cli import main as dagster

    sys.argv[0] = "dagster"
    dagster()


if __name__ == "__main__":
    main()
