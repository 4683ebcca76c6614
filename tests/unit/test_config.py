"""Settings: what stops the start, what a mistake says, and who may be asked."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from webapp.config import ROOT, Settings, is_loopback

SECRET = "a key of sixteen or more"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def made(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"secret_key": SECRET, **given})


@pytest.mark.parametrize("key", [None, "", "short", "fifteen letters"])
def test_nothing_starts_without_a_secret_key(key: str | None):
    with pytest.raises(ValidationError, match="secret_key"):
        Settings(_env_file=None, **({} if key is None else {"secret_key": key}))


@pytest.mark.parametrize(
    "given",
    [
        {"secret_key": "s3cr3t"},
        {"secret_key": SECRET, "chartmogul_api_url": "http://127.0.0.1/v1"},
        {"secret_key": SECRET, "database_url": "postgresql://app:hunter2@db/app", "port": "no number"},
        {"secret_key": SECRET, "database_url": "postgresql://app:hunter2@db/app", "chartmogul_api_url": "ftp://x.y"},
    ],
    ids=str,
)
def test_mistake_is_told_without_the_secrets_beside_it(given: dict[str, str]):
    with pytest.raises(ValidationError) as mistake:
        Settings(_env_file=None, **given)

    assert SECRET not in str(mistake.value)
    assert "s3cr3t" not in str(mistake.value)
    assert "hunter2" not in str(mistake.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.chartmogul.com/v1",
        "ftp://api.chartmogul.com/v1",
        "api.chartmogul.com/v1",
        "https:///v1",
        "https://intranet/v1",
        "https://10.0.0.1/v1",
        "https://192.168.1.1/v1",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/v1",
        "https://[fe80::1]/v1",
        "https://0.0.0.0/v1",
        "https://10.1/v1",
        "https://0xa.0.0.1/v1",
        "https://100.64.0.1/v1",
    ],
)
def test_chartmogul_is_only_asked_over_https_at_a_public_host(url: str):
    with pytest.raises(ValidationError, match="CHARTMOGUL_API_URL"):
        made(chartmogul_api_url=url, chartmogul_allow_loopback=True)


LOOPBACK = (
    "http://127.0.0.1:1/v1",
    "https://127.0.0.2/v1",
    "http://localhost/v1",
    "http://sim.localhost/v1",
    "http://[::1]:80/v1",
    "http://127.1/v1",
    "http://0x7f.1/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://2130706433/v1",
)


@pytest.mark.parametrize("url", LOOPBACK)
def test_chartmogul_is_on_this_machine_only_where_that_is_meant(url: str):
    with pytest.raises(ValidationError, match="CHARTMOGUL_ALLOW_LOOPBACK"):
        made(chartmogul_api_url=url)

    assert made(chartmogul_api_url=url, chartmogul_allow_loopback=True).chartmogul_api_url == url


@pytest.mark.parametrize("url", ["https://api.chartmogul.com/v1", "https://eu.api.example/v1/", "https://8.8.8.8/v1"])
def test_public_host_is_taken_without_the_slash_at_its_end(url: str):
    assert made(chartmogul_api_url=url).chartmogul_api_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("127.1", True),
        ("[::1]", True),
        ("::1", True),
        ("", False),
        (None, False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("128.0.0.1", False),
        ("127.0.0.1.example", False),
    ],
)
def test_loopback_is_told_from_what_looks_like_it(host: str | None, loopback: bool):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({}, ["localhost", "127.0.0.1", "[::1]"]),
        ({"host": "0.0.0.0"}, None),
        ({"host": "0.0.0.0", "trusted_hosts": " app.example , www.app.example,"}, ["app.example", "www.app.example"]),
    ],
)
def test_hosts_that_requests_may_carry(given: dict[str, str], hosts: list[str] | None):
    assert made(**given).hosts == hosts


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("chartmogul_requests_per_second", ["0", "-1", "1001", "many"]),
        ("chartmogul_parallel", ["0", "65"]),
        ("secret_store", ["vault", ""]),
        ("log_level", ["TRACE", "debug"]),
        ("port", ["", "http"]),
        ("self_serve_setup", ["perhaps"]),
    ],
)
def test_value_that_means_nothing_stops_the_start(name: str, values: list[str]):
    for value in values:
        with pytest.raises(ValidationError, match=name):
            made(**{name: value})


def test_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch):
    for name in ("PORT", "SECRET_STORE", "CHARTMOGUL_API_URL", "LOG_LEVEL", "DATABASE_URL"):
        monkeypatch.setenv(name, "")

    assert made().port == 8000
    assert made().secret_store == "local"


def test_relative_paths_are_of_the_project_wherever_it_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    settings = made(data_dir="elsewhere", vault_key_file="keys/vault.key")

    assert settings.data_dir == ROOT / "elsewhere"
    assert settings.vault_key_file == ROOT / "keys" / "vault.key"
    assert settings.vault_key_file.parent not in (settings.data_dir, *settings.data_dir.parents)
