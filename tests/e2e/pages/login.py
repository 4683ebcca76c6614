"""The log-in page."""

from playwright.sync_api import Page

from tests.e2e.people import Somebody


class Login:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.email = page.get_by_label("Email")
        self.password = page.get_by_label("Password")

    def open(self) -> None:
        self.page.goto("/login")

    def log_in(self, somebody: Somebody, password: str | None = None) -> None:
        self.email.fill(somebody.email)
        self.password.fill(password or somebody.password)
        self.page.get_by_role("button", name="Log in").click()

    def log_out(self) -> None:
        self.page.get_by_role("button", name="Log out").click()
