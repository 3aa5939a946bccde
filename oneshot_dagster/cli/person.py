"""Who types a command, for the record."""

import getpass
import os


def person() -> str:
    return os.environ.get("USER") or getpass.getuser()
