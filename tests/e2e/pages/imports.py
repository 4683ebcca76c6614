"""Imports overview: a row per import, live while it runs."""

import re
import time

from playwright.sync_api import Locator, Page

PATIENCE = 60.0


class Imports:
    def __init__(self, page: Page, scripts: bool = True) -> None:
        self.page, self.scripts = page, scripts
        self.sync_button = page.get_by_role("button", name="Sync now")
        self.toast = page.locator("#toasts")
        self.steps = page.get_by_role("region", name="Steps").get_by_role("listitem")

    def open(self) -> None:
        self.page.goto("/imports")

    def row(self, number: int) -> Locator:
        name = self.page.get_by_role("link", name=f"ChartMogul import #{number}", exact=True)
        return self.page.get_by_role("listitem").filter(has=name)

    def state(self, number: int, words: str) -> Locator:
        """The state of an import, if it is this one."""
        return self.row(number).get_by_text(words, exact=True)

    def sync_now(self) -> None:
        self.sync_button.click()

    def cancel_button(self, number: int) -> Locator:
        return self.page.get_by_role("button", name=f"Cancel import #{number}", exact=True)

    def cancel(self, number: int) -> None:
        self.cancel_button(number).click()

    def retry(self, number: int) -> None:
        self.page.get_by_role("button", name=f"Retry import #{number}", exact=True).click()

    def open_import(self, number: int) -> None:
        self.page.get_by_role("link", name=f"ChartMogul import #{number}", exact=True).click()

    def wait_until(self, number: int, words: str, patience: float = PATIENCE) -> None:
        """Watch the page until an import is in this state; without scripts, by loading it again."""
        self._wait_for(self.state(number, words), patience)

    def wait_until_read(self, number: int) -> None:
        """Until the first customers have come."""
        self._wait_for(self.row(number).get_by_text(re.compile(r"^[1-9][0-9,]* read")), PATIENCE)

    def _wait_for(self, found: Locator, patience: float) -> None:
        give_up_at = time.monotonic() + patience
        while not self.scripts and not found.is_visible() and time.monotonic() < give_up_at:
            self.open()
        found.wait_for(timeout=max(1.0, give_up_at - time.monotonic()) * 1000)
