"""Support's console, and support looking at a tenant."""

import time

from playwright.sync_api import Locator, Page

from tests.e2e.people import Company

PATIENCE = 30.0


class Support:
    def __init__(self, page: Page, scripts: bool = True) -> None:
        self.page, self.scripts = page, scripts
        self.probe = page.get_by_role("region", name="What the key gives")
        self.banner = page.get_by_role("region", name="Impersonation")
        self.reason = page.get_by_label("Reason")
        self.impersonate_button = page.get_by_role("button", name="Impersonate")

    def open(self) -> None:
        self.page.goto("/support")

    def pending(self, company: Company) -> Locator:
        """The row of a company that waits for its set-up."""
        return self.page.get_by_role("region", name="Pending set-ups").get_by_role("row").filter(has_text=company.name)

    def open_set_up(self, company: Company) -> None:
        self.page.get_by_role("link", name=f"Set up {company.name}").click()

    def wait_for_probe(self) -> None:
        """Until a worker has looked at what the key gives; without scripts, by loading the page again."""
        answer = self.probe.get_by_text("Checked")
        give_up_at = time.monotonic() + PATIENCE
        while not self.scripts and not answer.is_visible() and time.monotonic() < give_up_at:
            self.page.reload()
        answer.wait_for()

    def complete_set_up(self, hours: int = 24, leads: bool = True) -> None:
        self.page.get_by_label("Every few hours").check()
        self.page.get_by_label("Hours between imports").fill(str(hours))
        self.page.get_by_label("Import leads too").set_checked(leads)
        self.page.get_by_role("button", name="Complete set-up").click()

    def open_tenant(self, company: Company) -> None:
        self.page.get_by_label("Name").fill(company.name)
        self.page.get_by_role("button", name="Search").click()
        self.page.get_by_role("region", name="Tenants").get_by_role("link", name=company.name).click()

    def sync_now(self) -> None:
        self.page.get_by_role("button", name="Sync now").click()

    def ask_to_impersonate(self, company: Company) -> None:
        self.open_tenant(company)
        self.page.get_by_role("link", name="Impersonate").click()

    def impersonate(self, reason: str) -> None:
        self.reason.fill(reason)
        self.impersonate_button.click()

    def stop_impersonating(self) -> None:
        self.page.get_by_role("button", name="Stop impersonating").click()
