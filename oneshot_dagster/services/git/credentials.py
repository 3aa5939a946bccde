"""How git gets the token: a helper scoped to one URL reads it from a private file that lives as long as the call.
The token is in no argv, no URL, no configuration and no environment."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

from oneshot_dagster.domain.errors import BadInput

_FILE = "ONESHOT_GIT_TOKEN_FILE"
_HELPER = f'!f() {{ test "$1" = get || exit 0; echo username=x-access-token; cat "${_FILE}"; }}; f'
_LEFT_OVER = 3600.0


class Credentials:
    def __init__(self, folder: Path, token: Callable[[], str | None]) -> None:
        self._folder, self._token = folder, token

    @contextlib.contextmanager
    def given(self, url: str) -> Generator[tuple[dict[str, str], tuple[tuple[str, str], ...]]]:
        """The environment and the configuration for calls to this URL; helpers inherited from anywhere are emptied."""
        nobody = ("credential.helper", "")
        token = self._token() if url.startswith(("https://", "http://")) else None
        if not token:
            yield {}, (nobody,)
            return
        path = self._write(token)
        try:
            yield {_FILE: str(path)}, (nobody, (f"credential.{url}.helper", _HELPER))
        finally:
            path.unlink(missing_ok=True)

    def _write(self, token: str) -> Path:
        if "\n" in token or "\0" in token:
            raise BadInput(tried="use the GitHub token", found="a token with a line break", do="give it as one line")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        descriptor, name = tempfile.mkstemp(dir=self._folder)  # 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(f"password={token}\n")
        return Path(name)

    def _sweep(self) -> None:
        """What a killed process left."""
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER:
                    path.unlink()


def without_credentials(url: str) -> str:
    """The URL as it is; one with a name or a password in it, or of another protocol, is refused."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise BadInput(tried="use a remote", found="a URL with credentials in it", do="give the token in the settings")
    if parts.scheme not in {"https", "http", "file"} and not url.startswith("/"):
        raise BadInput(tried="use a remote", found=repr(url), do="give an https, http or file URL")
    return url
