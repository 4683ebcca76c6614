"""The local vault: keys sealed in a file, and what happens when the file or its master key is damaged."""

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import make_settings
from webapp.credentials import LocalVault, SecretMissing, SecretStoreDown, VaultBroken, looks_masked, mask

CANARY = "canary0123456789abcdef0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def vault(folder: Path) -> LocalVault:
    vault = LocalVault(make_settings(folder))
    vault.create("a", CANARY)
    vault.create("b", "another key")
    return vault


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "vault.json"


@pytest.fixture
def master(folder: Path) -> Path:
    return folder / "keys" / "vault.key"


def refused(vault: LocalVault) -> None:
    """Neither read nor written, and the file stays as it is."""
    before = vault.path.read_bytes() if vault.path.exists() else None
    with pytest.raises(VaultBroken):
        vault.read("a")
    with pytest.raises(VaultBroken):
        vault.create("c", "a third key")
    assert (vault.path.read_bytes() if vault.path.exists() else None) == before


def test_key_comes_back_and_is_nowhere_in_plain(vault, file, master):
    assert vault.read("a") == CANARY
    assert CANARY not in file.read_text()
    assert base64.b64encode(CANARY.encode()).decode() not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(master.stat().st_mode) == 0o600
    assert file.parent != master.parent


def test_names_are_never_used_twice_and_deleting_twice_is_no_error(vault):
    with pytest.raises(SecretStoreDown):
        vault.create("a", "again")
    vault.delete("a")
    vault.delete("a")
    with pytest.raises(SecretMissing):
        vault.read("a")
    assert list(vault.names()) == ["b"]


def test_same_key_is_sealed_differently_each_time(vault, file):
    vault.create("c", CANARY)
    entries = json.loads(file.read_text())

    assert entries["a"]["sealed"] != entries["c"]["sealed"]


def test_entry_is_bound_to_its_name(vault, file):
    entries = json.loads(file.read_text())
    entries["a"], entries["b"] = entries["b"], entries["a"]
    file.write_text(json.dumps(entries))

    refused(vault)


def test_wrong_master_key_is_refused_and_seals_nothing(vault, master):
    master.write_bytes(base64.b64encode(os.urandom(32)))

    refused(vault)


@pytest.mark.parametrize("content", ["", "short", "not base64 at all %%%", "QUJD"])
def test_damaged_master_key_is_refused(vault, master, content):
    master.write_text(content)

    refused(vault)


def test_missing_master_key_is_never_replaced_by_a_new_one(vault, master):
    master.unlink()

    refused(vault)
    assert not master.exists()


def test_missing_vault_file_reads_as_missing_keys(vault, file):
    file.unlink()

    with pytest.raises(SecretMissing):
        vault.read("a")


def test_file_cut_short_is_refused(vault, file):
    file.write_bytes(file.read_bytes()[:-20])

    refused(vault)


@pytest.mark.parametrize("content", ["", "[]", "null", "{", "\x00"])
def test_file_of_something_else_is_refused(vault, file, content):
    file.write_text(content)

    refused(vault)


def test_one_flipped_bit_spoils_one_entry_and_no_other(vault, file):
    entries = json.loads(file.read_text())
    raw = bytearray(base64.b64decode(entries["a"]["sealed"]))
    raw[-1] ^= 1
    entries["a"]["sealed"] = base64.b64encode(raw).decode()
    file.write_text(json.dumps(entries))

    with pytest.raises(VaultBroken):
        vault.read("a")
    assert vault.read("b") == "another key"
    vault.create("c", "a third key")
    assert vault.read("c") == "a third key"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
@pytest.mark.parametrize("which", ["file", "master"])
def test_readable_by_others_is_refused(vault, request, which, mode):
    request.getfixturevalue(which).chmod(mode)

    refused(vault)


def test_full_disk_loses_no_entry(vault, folder):
    os.symlink("/dev/full", folder / "vault.new")

    with pytest.raises(SecretStoreDown):
        vault.create("c", "a third key")
    assert vault.read("a") == CANARY
    assert sorted(vault.names()) == ["a", "b"]


def test_many_writers_at_once_lose_no_entry(folder):
    """Each with a vault of its own, as processes have; the first ones make the master key too."""
    names = [str(uuid4()) for _ in range(24)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: LocalVault(make_settings(folder)).create(name, f"key of {name}"), names))

    vault = LocalVault(make_settings(folder))
    assert sorted(vault.names()) == sorted(names)
    assert all(vault.read(name) == f"key of {name}" for name in names)


@pytest.mark.parametrize("length", range(1, 40))
def test_mask_shows_at_most_six_characters_and_half_of_the_key(length):
    key = "abcdefghijklmnopqrstuvwxyz0123456789ABCD"[:length]
    shown = [sign for sign in mask(key) if sign.isalnum()]

    assert len(shown) <= min(6, length / 2)
    assert looks_masked(mask(key))
    assert key not in mask(key)


def test_errors_name_no_key(vault, master):
    master.write_bytes(base64.b64encode(os.urandom(32)))

    with pytest.raises(VaultBroken) as error:
        vault.create("c", CANARY)

    assert CANARY not in str(error.value)
