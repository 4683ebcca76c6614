"""Settings from the environment or `.env`: the only reader of either. A missing secret stops the start."""

import re
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from socket import inet_aton
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CHARTMOGUL_API = "https://api.chartmogul.com/v1"
ROOT = Path(__file__).resolve().parent.parent


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address can only mean this machine."""
    if not host:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, also one spelled `127.1` or `0x7f.1`, as a connection would read it; None for
    a name."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        try:
            address = ip_address(inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address


class Settings(BaseSettings):
    """Every setting of the app, checked when it starts."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    secret_key: str = Field(min_length=16)
    data_dir: Path = ROOT / "var"
    database_url: str = ""
    redis_url: str = ""

    secret_store: Literal["local", "aws"] = "local"
    secret_prefix: str = "customerscore/production"
    vault_key_file: Path = ROOT / ".secrets" / "vault.key"

    chartmogul_api_url: str = CHARTMOGUL_API
    chartmogul_allow_loopback: bool = False
    chartmogul_requests_per_second: int = Field(default=36, ge=1, le=1000)
    chartmogul_parallel: int = Field(default=8, ge=1, le=64)

    # Notices by e-mail; none are sent without a host.
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = True
    smtp_from: str = ""
    base_url: str = ""

    self_serve_setup: bool = False
    require_staff_totp: bool = False
    host: str = "127.0.0.1"
    port: int = 8000
    trusted_hosts: str = ""
    behind_proxy: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("data_dir", "vault_key_file")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path if path.is_absolute() else ROOT / path

    @field_validator("chartmogul_api_url", "base_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _reachable_only_where_meant(self) -> "Settings":
        """ChartMogul is asked over https at a public host; loopback only with the switch that tests use."""
        parts = urlsplit(self.chartmogul_api_url)
        host = parts.hostname or ""
        if is_loopback(host):
            if not self.chartmogul_allow_loopback:
                raise ValueError(
                    "CHARTMOGUL_API_URL points at this machine; set CHARTMOGUL_ALLOW_LOOPBACK=1 to mean it"
                )
        elif parts.scheme != "https" or not _public(host):
            raise ValueError("CHARTMOGUL_API_URL has to be an https address of a public host")
        return self

    @model_validator(mode="after")
    def _mails_are_complete(self) -> "Settings":
        """With a host everything is there that an e-mail needs, and a password never goes out unencrypted."""
        if not self.smtp_host:
            return self
        if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", self.smtp_from):
            raise ValueError("SMTP_FROM has to be an e-mail address when SMTP_HOST is set")
        if urlsplit(self.base_url).scheme not in ("http", "https") or not urlsplit(self.base_url).hostname:
            raise ValueError("BASE_URL has to be this app's own address when SMTP_HOST is set: links begin with it")
        if self.smtp_user and not self.smtp_starttls and not is_loopback(self.smtp_host):
            raise ValueError("SMTP_STARTTLS=0 would send SMTP_PASSWORD unencrypted")
        return self

    @property
    def mails_are_sent(self) -> bool:
        return bool(self.smtp_host)

    @cached_property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'customerscore.sqlite'}"

    @cached_property
    def redis(self) -> str:
        return self.redis_url or f"unix://{self.data_dir / 'valkey.sock'}"

    @cached_property
    def hosts(self) -> list[str] | None:
        """Host names that requests may carry; None trusts any, for a proxy that checks them itself."""
        if self.trusted_hosts:
            return [host.strip() for host in self.trusted_hosts.split(",") if host.strip()]
        return ["localhost", "127.0.0.1", "[::1]"] if is_loopback(self.host) else None


def _public(host: str) -> bool:
    """Whether a host is reached over the internet: a global address, or a name with a dot in it."""
    address = _address(host)
    return "." in host if address is None else address.is_global
