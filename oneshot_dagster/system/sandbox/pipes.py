"""Bytes that a child reads from a descriptor."""

import os
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def readable(content: bytes) -> Generator[int]:
    """They must fit into a pipe."""
    reading, writing = os.pipe()
    try:
        try:
            os.write(writing, content)
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)
