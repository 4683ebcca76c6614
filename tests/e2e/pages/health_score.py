"""The health score: what is published, the draft, its preview, and versions."""

from playwright.sync_api import Locator, Page


class HealthScore:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.published = page.get_by_role("table", name="What the score is made of")
        self.draft = page.get_by_role("table", name="The factors of the draft")
        self.versions = page.get_by_role("table", name="What was published, newest first")
        self.grades = page.get_by_role("table", name="How many customers have which grade")
        self.back_test = page.locator("#back-test")
        self.spread = page.get_by_role("region", name="Your customers")
        self.note = page.get_by_label("Note")
        self.toast = page.locator("#toasts")

    def open(self) -> None:
        self.page.goto("/health-score")

    def begin_with_default(self) -> None:
        self.page.get_by_role("button", name="Begin with the default").click()

    def factor(self, name: str) -> Locator:
        return self.draft.get_by_role("row").filter(has=self.page.get_by_role("rowheader", name=name))

    def edit(self, name: str) -> None:
        self.page.get_by_role("link", name=f"Edit {name}").click()

    def anchor(self, label: str, value: str) -> None:
        """Type an anchor and leave its field."""
        field = self.page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Tab")

    def save_factor(self) -> None:
        self.page.get_by_role("button", name="Save factor").click()

    def add(self, name: str) -> None:
        """Choose a property as a further factor."""
        self.page.get_by_role("link", name="Add a factor").click()
        self.page.get_by_label("Property").select_option(name)
        self.page.get_by_role("button", name="Go on").click()

    def move_up(self, name: str) -> None:
        self.page.get_by_role("button", name=f"Move {name} up").click()

    def preview(self) -> None:
        self.page.get_by_role("link", name="Preview").click()

    def look_back(self) -> None:
        """Ask for the back-test: in its place, or without scripts as a page."""
        self.page.get_by_role("link", name="Look back").click()

    def publish(self, note: str) -> None:
        self.note.fill(note)
        self.page.get_by_role("button", name="Publish").click()

    def change(self) -> None:
        self.page.get_by_role("button", name="Change the score").click()

    def restore(self, version: int) -> None:
        self.page.get_by_role("button", name=f"Restore version {version}").click()
