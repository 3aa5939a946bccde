"""The stand-in as a process: `python -m oneshot_dagster.local.argocd --help`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from oneshot_dagster.local.argocd.applications import Controller
from oneshot_dagster.local.argocd.server import Server
from oneshot_dagster.local.argocd.sources import Sources


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m oneshot_dagster.local.argocd")
    parser.add_argument("--home", type=Path, required=True, help="where its copies of repositories lie")
    parser.add_argument("--port", type=int, required=True, help="where it answers, on 127.0.0.1")
    parser.add_argument("--token-file", type=Path, required=True, help="a file that holds the token that it wants")
    parser.add_argument("--git-token-file", type=Path, required=True, help="a file that holds the token for git")
    asked = parser.parse_args()
    controller = Controller(Sources(asked.home.absolute(), asked.git_token_file.absolute()))
    server = Server(asked.port, controller, asked.token_file.read_text().strip())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    threading.Thread(target=controller.run, daemon=True).start()
    try:
        sys.stdout.write(f"ready http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        controller.stop()
    return 0


def _stop(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
