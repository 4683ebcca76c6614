"""The settings that bin/start and bin/flask hand on: the environment, then `.env`, then defaults.

Imported after prepare.enter(): it needs the packages in .venv.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from dotenv import dotenv_values
from prepare import ROOT, VENV

SECRETS = ROOT / ".secrets"
LONGEST_SOCKET_PATH = 100  # the kernel stops at 107 bytes


def settings() -> dict[str, str]:
    """The whole environment for the app's processes, filled up so that every one of them means the same."""
    written = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    env = {**written, **{name: value for name, value in os.environ.items() if value}}
    data_dir = ROOT / env.get("DATA_DIR", "var")
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"DATA_DIR cannot be made: {error}. Set it to a folder of yours.") from None
    env["DATA_DIR"] = str(data_dir)
    env.setdefault("HOST", "127.0.0.1")
    env.setdefault("PORT", "8000")
    env.setdefault("REDIS_URL", bundled_redis_url(data_dir))
    if "SECRET_KEY" not in env:
        env["SECRET_KEY"] = _secret_key()
    env["PATH"] = os.pathsep.join([str(VENV / "bin"), env.get("PATH", os.defpath)])
    env["PYTHONUNBUFFERED"] = "1"  # a line of a log is worth most when it is new
    return env


def bundled_redis_url(data_dir: Path) -> str:
    """The address of the Redis server that bin/start brings along."""
    return f"unix://{quote(str(socket_path(data_dir)))}"


def socket_path(data_dir: Path) -> Path:
    """Where the bundled Redis server listens: beside its data or, if that path is too long, in /tmp."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) < LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    folder = Path("/tmp") / f"customerscore-{os.geteuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.stat(follow_symlinks=False)
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise SystemExit(f"{folder} is not ours alone. Remove it, or set DATA_DIR to a shorter path.")
    return folder / path.name


def _secret_key() -> str:
    """This clone's own key for signing cookies, made once; outside DATA_DIR, so that no backup holds both."""
    SECRETS.mkdir(mode=0o700, exist_ok=True)
    path = SECRETS / "secret_key"
    if not path.exists():
        new = SECRETS / f"secret_key.{os.getpid()}"
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # unlike a rename, a link never replaces another's key
            os.link(new, path)
        new.unlink()
    return path.read_text().strip()
