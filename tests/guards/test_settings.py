"""The settings that outsiders rely on: their names, their defaults, and where they are read from."""

from pathlib import Path

import pytest

from webapp.config import ROOT, Settings

SETTINGS = {
    "DATABASE_URL": ("database_url", ""),
    "REDIS_URL": ("redis_url", ""),
    "SECRET_STORE": ("secret_store", "local"),
    "CHARTMOGUL_API_URL": ("chartmogul_api_url", "https://api.chartmogul.com/v1"),
    "CHARTMOGUL_ALLOW_LOOPBACK": ("chartmogul_allow_loopback", False),
    "CHARTMOGUL_REQUESTS_PER_SECOND": ("chartmogul_requests_per_second", 36),
    "CHARTMOGUL_PARALLEL": ("chartmogul_parallel", 8),
    "SMTP_HOST": ("smtp_host", ""),
    "SMTP_PORT": ("smtp_port", 587),
    "SMTP_USER": ("smtp_user", ""),
    "SMTP_PASSWORD": ("smtp_password", ""),
    "SMTP_STARTTLS": ("smtp_starttls", True),
    "SMTP_FROM": ("smtp_from", ""),
    "BASE_URL": ("base_url", ""),
    "SELF_SERVE_SETUP": ("self_serve_setup", False),
    "REQUIRE_STAFF_TOTP": ("require_staff_totp", False),
    "DATA_DIR": ("data_dir", ROOT / "var"),
    "HOST": ("host", "127.0.0.1"),
    "PORT": ("port", 8000),
    "LOG_LEVEL": ("log_level", "INFO"),
}
CHANGED = {
    "DATABASE_URL": ("sqlite:////elsewhere.sqlite", "sqlite:////elsewhere.sqlite"),
    "REDIS_URL": ("redis://elsewhere", "redis://elsewhere"),
    "SECRET_STORE": ("aws", "aws"),
    "CHARTMOGUL_API_URL": ("https://api.example.org/v1/", "https://api.example.org/v1"),
    "CHARTMOGUL_ALLOW_LOOPBACK": ("1", True),
    "CHARTMOGUL_REQUESTS_PER_SECOND": ("5", 5),
    "CHARTMOGUL_PARALLEL": ("2", 2),
    "SMTP_HOST": ("mail.example.org", "mail.example.org"),
    "SMTP_PORT": ("2525", 2525),
    "SMTP_USER": ("app", "app"),
    "SMTP_PASSWORD": ("a password", "a password"),
    "SMTP_STARTTLS": ("0", False),
    "SMTP_FROM": ("notices@example.org", "notices@example.org"),
    "BASE_URL": ("https://app.example.org/", "https://app.example.org"),
    "SELF_SERVE_SETUP": ("1", True),
    "REQUIRE_STAFF_TOTP": ("1", True),
    "DATA_DIR": ("/elsewhere", Path("/elsewhere")),
    "HOST": ("0.0.0.0", "0.0.0.0"),
    "PORT": ("8010", 8010),
    "LOG_LEVEL": ("DEBUG", "DEBUG"),
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of our settings but the one that has no default."""
    for name in [*SETTINGS, "SECRET_KEY", "TRUSTED_HOSTS", "BEHIND_PROXY", "VAULT_KEY_FILE", "SECRET_PREFIX"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRET_KEY", "a key of sixteen or more")
    return monkeypatch


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_has_its_default(bare: pytest.MonkeyPatch, name: str):
    attribute, default = SETTINGS[name]

    assert getattr(Settings(_env_file=None), attribute) == default  # type: ignore[call-arg]
    assert f"\n{name}=" in (ROOT / ".env.example").read_text(), "every variable is explained in .env.example"


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_is_read_from_the_environment_and_from_a_file(bare: pytest.MonkeyPatch, tmp_path: Path, name: str):
    (written, value), attribute = CHANGED[name], SETTINGS[name][0]
    if name == "SMTP_HOST":  # which needs these beside it
        for beside in ("SMTP_FROM", "BASE_URL"):
            bare.setenv(beside, CHANGED[beside][0])
    (tmp_path / "env").write_text(f"{name}={written}\n")
    from_file = Settings(_env_file=tmp_path / "env")  # type: ignore[call-arg]
    bare.setenv(name, written)
    from_environment = Settings(_env_file=None)  # type: ignore[call-arg]

    assert getattr(from_file, attribute) == getattr(from_environment, attribute) == value


def test_database_and_queue_have_a_place_of_their_own_by_default(bare: pytest.MonkeyPatch):
    settings = Settings(_env_file=None, data_dir="/elsewhere")  # type: ignore[call-arg]

    assert settings.database == "sqlite:////elsewhere/customerscore.sqlite"
    assert settings.redis.startswith("unix:///elsewhere/")
