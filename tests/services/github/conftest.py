"""A GitHub client against a scripted server."""

from collections.abc import Iterator

import pytest
from scripted_github import Script, serving

from oneshot_dagster.services.github.client import GitHubClient


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def github(script: Script) -> Iterator[GitHubClient]:
    with serving(script) as url:
        client = GitHubClient(
            api_url=f"{url}/api/v3", graphql_url=f"{url}/api/graphql", token=lambda: "secret-token", timeout=1.0
        )
        yield client
        client.close()
