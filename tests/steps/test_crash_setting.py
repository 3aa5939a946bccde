"""The setting by which tests kill a process does nothing to real GitHub, and nothing where it is not set."""

import pytest

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.settings import Settings

GITHUB = "https://api.github.com"


def _settings(tmp_path, api_url: str, **over) -> Settings:
    values = {"home": tmp_path, "database_url": "postgresql://nobody@127.0.0.1:1/none", "github": {"api_url": api_url}}
    return Settings.model_validate({**values, **over})


@pytest.mark.parametrize(
    "api_url", [GITHUB, "https://127.0.0.1.example.com/api/v3", "http://127.0.0.1:80@example.com/"]
)
@pytest.mark.parametrize("setting", [{"crash_file": "crash"}, {"crash_at": 0}, {"crash_at": 7}])
def test_a_crash_is_refused_where_github_is_not_a_forge_on_this_machine(tmp_path, api_url, setting):
    with pytest.raises(BadInput, match="ONESHOT_CRASH_FILE or ONESHOT_CRASH_AT"):
        open_services(_settings(tmp_path, api_url, **setting))


def test_without_the_settings_a_crash_file_is_not_looked_for(tmp_path):
    services = open_services(_settings(tmp_path, "http://127.0.0.1:1/api/v3"))
    assert type(services.store).__module__.endswith("store.postgres")
    services.close()
