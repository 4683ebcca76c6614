"""html-validate as a process that stays: starting it for every page would take longer than all the checks."""

import json
import os
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".mjs")
# What a piece of a page needs around it to be a page.
WHOLE = """<!DOCTYPE html>
<html lang="en"><head><title>A piece</title></head><body>
{}
</body></html>
"""


class HtmlChecker:
    def __init__(self) -> None:
        node = os.environ.get("NODE") or shutil.which("node")
        assert node, "Node.js is needed: run the tests by bin/test"
        pipe = subprocess.PIPE
        self._node = subprocess.Popen([node, str(SCRIPT)], stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def problems(self, html: str) -> list[str]:
        """What is wrong with a page, or with a piece of one that htmx puts into it."""
        assert self._node.stdin
        assert self._node.stdout
        piece = f"<table><tbody>{html}</tbody></table>" if html.lstrip().startswith("<tr") else html
        whole = html if html.lstrip().startswith("<!") else WHOLE.format(piece)
        self._node.stdin.write(json.dumps({"html": whole}) + "\n")
        answer = self._node.stdout.readline()
        assert answer, "html-validate ended"
        found: list[str] = json.loads(answer)
        return found

    def close(self) -> None:
        assert self._node.stdin
        self._node.stdin.close()
        self._node.wait(10)
        assert self._node.stdout
        self._node.stdout.close()
