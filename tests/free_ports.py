"""Ports for who is told its port before it takes it, or takes the same one again."""

import os
import random
import socket
from contextlib import suppress


def free_ports(number: int = 1) -> list[int]:
    """Below the range that the kernel gives to outgoing connections, and no other worker's of the same run."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    own = range(20_000 + int(worker.removeprefix("gw")), 32_000, int(workers))
    found: list[int] = []
    for port in random.sample(own, 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == number:
            break
    return found
