"""What a forge wrote down: one request and its answer."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

_VARIES = re.compile(r"[0-9a-f]{40}|\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """`path` and `query` are as sent; `status` is None where no whole answer came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    status: int | None
    answer_headers: Mapping[str, str]
    answer: str

    @property
    def asked(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def sent(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> Any:
        return json.loads(self.answer)

    @property
    def shape(self) -> tuple[object, ...]:
        """Alike for exchanges that differ in numbers and SHAs only."""
        texts = (self.path, self.query, self.body, self.answer)
        return (self.method, self.status, *self.headers.items(), *(_VARIES.sub("0", text) for text in texts))


def read(file: Path) -> Iterator[Exchange]:
    """Each shape once; a last line that a kill cut off is left out."""
    seen: set[int] = set()
    for line in file.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            return
        exchange = Exchange(**json.loads(line))
        if hash(exchange.shape) not in seen:
            seen.add(hash(exchange.shape))
            yield exchange
