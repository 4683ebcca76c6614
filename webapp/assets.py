"""Style, scripts and icons: a fixed list, read once, squeezed once, kept by browsers for a year."""

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Flask, Response, abort, request, url_for
from markupsafe import Markup

from webapp.config import ROOT
from webapp.gate import public

STATIC = Path(__file__).parent / "static"
PACKAGES = ROOT / "node_modules"
ICONS = [
    "arrow-down",
    "arrow-up",
    "bookmark",
    "calendar-clock",
    "check",
    "chevron-right",
    "circle-alert",
    "circle-check",
    "circle-slash",
    "circle-user",
    "circle-x",
    "clock",
    "columns-3",
    "download",
    "external-link",
    "eye",
    "funnel",
    "gauge",
    "heart-pulse",
    "history",
    "inbox",
    "info",
    "life-buoy",
    "loader",
    "lock",
    "log-out",
    "pause",
    "pencil",
    "play",
    "plug",
    "plus",
    "refresh-cw",
    "rotate-ccw",
    "search",
    "sliders-horizontal",
    "trash-2",
    "triangle-alert",
    "unplug",
    "upload",
    "users",
    "x",
]
FILES = {
    "app.css": (STATIC / "app.css", "text/css; charset=utf-8"),
    "app.js": (STATIC / "app.js", "text/javascript; charset=utf-8"),
    "htmx.js": (PACKAGES / "htmx.org" / "dist" / "htmx.min.js", "text/javascript; charset=utf-8"),
    "favicon.svg": (STATIC / "favicon.svg", "image/svg+xml"),
    "icons.svg": (PACKAGES / "lucide-static" / "icons", "image/svg+xml"),
}
blueprint = Blueprint("assets", __name__)


class Asset(NamedTuple):
    body: bytes
    squeezed: bytes
    type: str
    version: str


@cache
def asset(name: str) -> Asset:
    path, type_ = FILES[name]
    body = _sprite(path) if name == "icons.svg" else path.read_bytes()
    return Asset(body, gzip.compress(body, 9, mtime=0), type_, hashlib.sha256(body).hexdigest()[:12])


def _sprite(folder: Path) -> bytes:
    """The icons that the pages use, as symbols of one file."""
    symbols = []
    for name in ICONS:
        inner = re.search(r"<svg[^>]*>(.*)</svg>", (folder / f"{name}.svg").read_text(), re.S)
        assert inner, name
        shapes = re.sub(r"\s+", " ", inner[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>").encode()


@blueprint.get("/assets/<name>")
@public
def show(name: str) -> Response:
    if name not in FILES:
        abort(404)
    found = asset(name)
    squeeze = request.accept_encodings.quality("gzip") > 0
    response = Response(found.squeezed if squeeze else found.body, content_type=found.type)
    if squeeze:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    known = request.args.get("v") == found.version
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if known else "no-cache"
    return response


def asset_url(name: str) -> str:
    return url_for("assets.show", name=name, v=asset(name).version)


def icon(name: str, spin: bool = False) -> Markup:
    """An icon of the sprite, for decoration beside words."""
    if name not in ICONS:
        raise KeyError(name)
    classes = "i spin" if spin else "i"
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        classes, asset_url("icons.svg"), name
    )


def install(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(asset_url=asset_url, icon=icon)
    for name in FILES:
        asset(name)
