"""What a browser says while a test goes on that no page of ours should make it say."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# The browser's own note beside an answer that refuses something; the page itself says it in words.
REFUSED = re.compile(r"^Failed to load resource: the server responded with a status of (\d{3})")
# The browser tells that somebody was quicker to choose a field than the page; nothing is wrong with either.
QUICK_HANDS = "Autofocus processing was blocked because a document already has a focused element."
# htmx tells that a request gave way to a later one of the same form, which is what its `replace` means.
GAVE_WAY = re.compile(r"^htmx:(afterRequest|sendAbort), \[object HTML\w*\]$")
NOTE_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective}`))"


class Watch:
    """Collects console messages, script errors, requests to elsewhere and answers without a policy."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.notes: list[str] = []
        self._expected = {"422"}

    def expect(self, *statuses: int) -> None:
        """Answers of these statuses are part of the test."""
        self._expected |= {str(status) for status in statuses}

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(NOTE_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        refused = REFUSED.match(message.text)
        htmx = re.match(r"^Response Status Error Code (\d{3}) from ", message.text)
        found = refused or htmx
        usual = message.text == QUICK_HANDS or GAVE_WAY.match(message.text)
        if not usual and not (found and found[1] in self._expected):
            self.notes.append(f"console {message.type}: {message.text} at {message.location.get('url')}")

    def _error(self, error: WebError) -> None:
        self.notes.append(f"script error: {error.error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.host:
            self.notes.append(f"request to elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        status, kind = response.status, response.headers.get("content-type", "")
        if status >= 500 and str(status) not in self._expected:
            self.notes.append(f"{status} from {response.url}")
        if "html" in kind and "content-security-policy" not in response.headers:
            self.notes.append(f"no policy with {response.url}")
