"""Provider keys in a secret store: AWS Secrets Manager, or an encrypted file on this machine.

The web side stores and deletes keys; only the worker loads them. Nothing here logs, and no error
carries a key.
"""

import base64
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from webapp.config import Settings

MASK = re.compile(r"^.{3}\.\.\..{3}$|^[*•]+$")
RECOVERY_DAYS = 7


class SecretStoreDown(Exception):
    """The secret store did not do what was asked, and may do it later. Nothing was stored."""


class SecretMissing(Exception):
    """The secret store holds no such key any more."""


class VaultBroken(SecretStoreDown):
    """The local vault or its key file is damaged or readable by others; a person has to look."""


class SecretStore(Protocol):
    """Where keys are kept. Names are never used twice; deleting what is not there is no error."""

    def create(self, name: str, value: str) -> None: ...
    def read(self, name: str) -> str: ...
    def delete(self, name: str) -> None: ...
    def names(self) -> dict[str, datetime]: ...
    def check(self) -> None: ...


def mask(key: str) -> str:
    """What may be shown of a key: three characters of each end; a short key is masked whole."""
    return f"{key[:3]}...{key[-3:]}" if len(key) >= 12 else "•" * 8


def looks_masked(text: str) -> bool:
    """Whether somebody pasted a mask where the key belongs."""
    return bool(MASK.match(text))


def store() -> SecretStore:
    """The secret store of this process, made at first use (after any fork)."""
    settings: Settings = current_app.config["SETTINGS"]
    made = current_app.extensions.get("secret_store")
    if made is None or made[0] != os.getpid():
        made = (os.getpid(), AwsSecrets(settings) if settings.secret_store == "aws" else LocalVault(settings))
        current_app.extensions["secret_store"] = made
    return made[1]


def seal() -> Fernet:
    """What small secrets of our own (second factors) are sealed with in the database."""
    secret: str = current_app.config["SETTINGS"].secret_key
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"second factor:" + secret.encode()).digest()))


def store_key(tenant_id: UUID, key: str) -> str:
    """Keep a new key; returns the name under which the worker will find it."""
    settings: Settings = current_app.config["SETTINGS"]
    name = f"{settings.secret_prefix}/tenant/{tenant_id}/chartmogul/{uuid4()}/key"
    store().create(name, key)
    return name


def load_key(name: str) -> str:
    """The key itself. Only the worker calls this."""
    return store().read(name)


def delete_key(name: str) -> None:
    store().delete(name)


class AwsSecrets:
    """AWS Secrets Manager. Errors are told apart by their code alone; their texts may differ."""

    def __init__(self, settings: Settings) -> None:
        config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
        self.prefix = settings.secret_prefix
        try:
            self.client = boto3.client("secretsmanager", config=config)
        except BotoCoreError as error:  # no region, an unknown profile
            raise SecretStoreDown(type(error).__name__) from None

    def create(self, name: str, value: str) -> None:
        tags = [{"Key": "app", "Value": "customerscore"}]
        token = str(uuid4())
        try:
            self._call("create_secret", Name=name, SecretString=value, ClientRequestToken=token, Tags=tags)
        except SecretMissing as error:  # a name that is on its way out
            raise SecretStoreDown(str(error)) from None

    def read(self, name: str) -> str:
        answer = self._call("get_secret_value", SecretId=name, VersionStage="AWSCURRENT")
        return str(answer["SecretString"])

    def delete(self, name: str) -> None:
        try:
            self._call("delete_secret", SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        except SecretMissing:
            return  # gone, or already on its way out: what was asked for

    def names(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        token: dict[str, str] = {}
        while True:
            filters = [{"Key": "name", "Values": [f"{self.prefix}/"]}]
            answer = self._call("list_secrets", Filters=filters, MaxResults=100, **token)
            for secret in answer["SecretList"]:
                found[secret["Name"]] = secret["CreatedDate"]
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}

    def check(self) -> None:
        self._call("list_secrets", MaxResults=1)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
            return answer
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            # A secret that is scheduled for deletion answers InvalidRequest.
            if code in ("ResourceNotFoundException", "InvalidRequestException"):
                raise SecretMissing(code) from None
            raise SecretStoreDown(code) from None
        except BotoCoreError as error:
            raise SecretStoreDown(type(error).__name__) from None


class LocalVault:
    """An encrypted file under the data folder; its master key lies in another folder, readable by its owner
    alone. Each entry is sealed by itself (AES-256-GCM, fresh nonce) and bound to its name."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.data_dir / "vault.json"
        self.key_path = settings.vault_key_file

    def create(self, name: str, value: str) -> None:
        with self._locked():
            entries = self._entries()
            if name in entries:
                raise SecretStoreDown("name taken")
            key, nonce = self._key_of(entries), os.urandom(12)
            sealed = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, value.encode(), name.encode())).decode()
            self._save({**entries, name: {"sealed": sealed, "created_at": datetime.now(UTC).isoformat()}})

    def read(self, name: str) -> str:
        with self._locked():
            entry = self._entries().get(name)
        if entry is None:
            raise SecretMissing("not in the vault")
        return self._open(name, entry)

    def delete(self, name: str) -> None:
        with self._locked():
            entries = self._entries()
            if entries.pop(name, None) is not None:
                self._save(entries)

    def names(self) -> dict[str, datetime]:
        with self._locked():
            entries = self._entries()
        return {name: datetime.fromisoformat(entry["created_at"]) for name, entry in entries.items()}

    def check(self) -> None:
        with self._locked():
            entries = self._entries()
        for name, entry in entries.items():
            self._open(name, entry)
            break

    def _open(self, name: str, entry: dict[str, str]) -> str:
        try:
            raw = base64.b64decode(entry["sealed"], validate=True)
            return AESGCM(self._key()).decrypt(raw[:12], raw[12:], name.encode()).decode()
        except (InvalidTag, ValueError, KeyError):
            raise VaultBroken("an entry of the vault does not fit the master key") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, and no reader in the middle of a write."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SecretStoreDown(f"the vault cannot be locked: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _entries(self) -> dict[str, dict[str, str]]:
        try:
            self._refuse_if_open_to_others(self.path)
            entries = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise VaultBroken("the vault file cannot be read") from None
        if not isinstance(entries, dict):
            raise VaultBroken("the vault file cannot be read")
        return entries

    def _save(self, entries: dict[str, dict[str, str]]) -> None:
        """Write a new file and put it in the old one's place, so that a full disk loses no entry."""
        new = self.path.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(entries, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise SecretStoreDown(f"the vault cannot be written: {error.strerror}") from None

    def _key_of(self, entries: dict[str, dict[str, str]]) -> bytes:
        """The master key, if it is the one that the entries were sealed with: two keys in one vault would
        make half of it unreadable whichever is lost."""
        key = self._key()
        for name, entry in entries.items():
            with suppress(VaultBroken):
                self._open(name, entry)
                return key
        if entries:
            raise VaultBroken("the master key does not fit the vault")
        return key

    def _key(self) -> bytes:
        """The master key; made once, and never in place of one that a vault already needs."""
        try:
            self._refuse_if_open_to_others(self.key_path)
            key = base64.b64decode(self.key_path.read_text().strip(), validate=True)
        except FileNotFoundError:
            if self.path.exists():
                raise VaultBroken("the vault's master key file is missing") from None
            key = self._new_key()
        except (OSError, ValueError):
            raise VaultBroken("the vault's master key cannot be read") from None
        if len(key) != 32:
            raise VaultBroken("the vault's master key is damaged")
        return key

    def _new_key(self) -> bytes:
        key = os.urandom(32)
        try:
            self.key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(key))
        except FileExistsError:
            return self._key()
        except OSError as error:
            raise SecretStoreDown(f"the vault's master key cannot be written: {error.strerror}") from None
        return key

    @staticmethod
    def _refuse_if_open_to_others(path: Path) -> None:
        if path.stat().st_mode & 0o077:
            raise VaultBroken(f"{path.name} is readable by others; make it mode 0600")
