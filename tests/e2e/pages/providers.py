"""Settings → Providers: the ChartMogul card and what opens from it, in the dialog or as pages of their own."""

from playwright.sync_api import Page


class Providers:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.card = page.get_by_role("article", name="ChartMogul")
        self.key = page.get_by_label("API key", exact=True)
        self.alert = page.get_by_role("alert")
        self.toast = page.locator("#toasts")
        self.connect_opener = self.card.get_by_role("link", name="Connect to ChartMogul")
        self.upload_button = page.get_by_role("button", name="Upload credentials")
        self.confirmation = page.get_by_role("heading", name="Disconnect from ChartMogul?")
        self.keep_button = page.get_by_role("link", name="Keep connected")
        self.support_access = page.get_by_role("region", name="Support access").first

    def open(self) -> None:
        self.page.goto("/settings/providers")

    def open_by_navigation(self) -> None:
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name="Providers").click()

    def connect(self, key: str) -> None:
        """From the card to the upload; what it comes to, the page says."""
        self.connect_opener.click()
        self.upload(key)

    def upload(self, key: str) -> None:
        """Send the key and wait for what comes of it."""
        self.key.fill(key)
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            self.upload_button.click()

    def manage(self) -> None:
        self.card.get_by_role("link", name="Manage").click()

    def sync_now(self) -> None:
        self.page.get_by_role("button", name="Sync now").click()

    def replace_key(self, key: str) -> None:
        """From the open connection, or from the card where that asks for it."""
        self.page.get_by_role("link", name="Replace API key").click()
        self.replace_again(key)

    def replace_again(self, key: str) -> None:
        self.key.fill(key)
        self.page.get_by_role("button", name="Replace API key").click()

    def ask_to_disconnect(self) -> None:
        self.manage()
        self.page.get_by_role("link", name="Disconnect from ChartMogul").click()

    def confirm_disconnect(self) -> None:
        self.page.get_by_role("button", name="Disconnect from ChartMogul").click()
