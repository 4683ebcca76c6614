"""Finds a Chromium for the tests, or installs one. Tests in a browser are never skipped for want of it.

Imported after prepare.enter().
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import prepare
from services import apt_install, runs

PACKED = "@sparticuz/chromium"
PACKED_VERSION = "153.0.0"
PACKED_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="

UNBROTLI = "process.stdout.write(zlib.brotliDecompressSync(fs.readFileSync(0)))"
# Its own fonts.conf names folders of a machine that is not ours; without fonts, text has no size.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""
WRAPPER = """#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""


def chromium() -> str:
    """Return a Chromium that starts on this machine, or stop."""
    if given := os.environ.get("CHROMIUM"):
        if runs(given):
            return given
        raise SystemExit(f"CHROMIUM names {given}, which does not start. Correct it or unset it.")
    for program in _candidates():
        if runs(program):
            return str(shutil.which(program))
    raise SystemExit(
        "No Chromium could be found or installed, and the tests need one. Install it "
        "(on Debian: apt-get install chromium) or put the path of one into CHROMIUM."
    )


def driver_node() -> str | None:
    """Another Node.js for Playwright where its own does not start: it wants a libatomic that not all have."""
    driver = next(prepare.VENV.glob("lib/python*/site-packages/playwright/driver/node"), None)
    return None if driver and runs(str(driver)) else str(prepare.node())


def _candidates() -> Iterator[str]:
    """Paths and names, from what costs nothing to what takes a download."""
    if own := _playwrights():
        yield own
    yield from ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
    apt_install("chromium")
    yield "chromium"
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        yield _packed()


def _playwrights() -> str | None:
    """The browser that `playwright install` put there, if somebody ran it."""
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
    if not any(Path(folder).glob("chromium-*")):
        return None
    ask = "from playwright.sync_api import *; print(sync_playwright().start().chromium.executable_path)"
    answer = subprocess.run([prepare.PYTHON, "-c", ask], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def _packed() -> str:
    """Unpack a headless Chromium that npm carries: for an x86-64 machine where we may install nothing."""
    home = prepare.ROOT / ".chromium" / PACKED_VERSION
    wrapper = home / "chromium.sh"
    if wrapper.exists():
        return str(wrapper)
    prepare.say(f"Downloading {PACKED} with npm ...")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    pack = [*prepare.npm(), "pack", "--silent", f"{PACKED}@{PACKED_VERSION}"]
    subprocess.run(pack, cwd=home, stdout=subprocess.DEVNULL, check=True)
    [package] = home.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode() != PACKED_SHA512:
        raise SystemExit(f"The download of {PACKED} {PACKED_VERSION} is not the one that we know: not used.")
    with tarfile.open(package) as packed:
        (home / "chromium").write_bytes(_unbrotli(packed, "chromium.br"))
        for part in ("al2023", "fonts"):  # its libraries go into lib/, its fonts into fonts/
            with tarfile.open(fileobj=io.BytesIO(_unbrotli(packed, f"{part}.tar.br"))) as files:
                files.extractall(home)
    package.unlink()
    (home / "chromium").chmod(0o755)
    (home / "fonts.conf").write_text(FONTS)
    wrapper.write_text(WRAPPER)  # last: its presence says that all else is there
    wrapper.chmod(0o755)
    return str(wrapper)


def _unbrotli(package: tarfile.TarFile, name: str) -> bytes:
    """One file of the package; Node.js knows the format, Python's standard library does not."""
    content = package.extractfile(f"package/bin/{name}")
    assert content
    return subprocess.run(
        [prepare.node(), "-e", UNBROTLI], input=content.read(), stdout=subprocess.PIPE, check=True
    ).stdout
