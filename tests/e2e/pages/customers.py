"""The customers' table, and a customer's page."""

import csv
import io
from pathlib import Path

from playwright.sync_api import Locator, Page


class Customers:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = page.locator("#count")
        self.table = page.get_by_role("table")
        self.search_field = page.get_by_label("Search")
        self.callout = page.get_by_text("Stale since")
        self.conditions = page.get_by_role("region", name="Conditions")
        self.views = page.get_by_role("navigation", name="Views")
        self.next_page = page.get_by_role("link", name="Next page")

    def open(self) -> None:
        self.page.goto("/customers")

    def search(self, words: str) -> None:
        self.search_field.fill(words)
        self.page.get_by_role("button", name="Search").click()

    def filter(self, conditions: dict[str, dict[str, str]]) -> None:
        """Fill the conditions of properties by their labels, and ask for who meets them all."""
        self.page.get_by_role("link", name="Filter").click()
        for property_name, fields in conditions.items():
            for label, value in fields.items():
                field = self.condition(property_name).get_by_label(label)
                field.select_option(value) if label == "Is" else field.fill(value)
        self.page.get_by_role("button", name="Show customers").click()

    def condition(self, property_name: str) -> Locator:
        return self.page.get_by_role("group", name=property_name, exact=True)

    def remove_condition(self, words: str) -> None:
        self.conditions.get_by_role("link", name=f"Remove: {words}").click()

    def sort(self, name: str) -> None:
        self.sort_link(name).click()

    def sort_link(self, name: str) -> Locator:
        return self.table.get_by_role("columnheader").get_by_role("link", name=name, exact=True)

    def header(self, name: str) -> Locator:
        return self.table.get_by_role("columnheader", name=name, exact=True)

    def save_view(self, name: str) -> None:
        self.page.get_by_role("link", name="Save view").click()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_role("button", name="Save", exact=True).click()

    def open_view(self, name: str) -> None:
        self.views.get_by_role("link", name=name, exact=True).click()

    def names(self) -> list[str]:
        return self.table.get_by_role("rowheader").get_by_role("link").all_inner_texts()

    def history(self, property_name: str) -> None:
        self.page.get_by_role("link", name=f"History of {property_name}").click()

    def row(self, name: str) -> Locator:
        link = self.page.get_by_role("link", name=name, exact=True)
        return self.table.get_by_role("row").filter(has=link)

    def headers(self) -> list[str]:
        return self.table.get_by_role("columnheader").all_inner_texts()

    def show(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def value(self, property_name: str) -> Locator:
        """The row of a property on a customer's page."""
        link = self.page.get_by_role("link", name=property_name, exact=True)
        return self.page.locator("tr[id^='value-']").filter(has=link)

    def set_value(self, property_name: str, value: str) -> None:
        self.page.get_by_label(property_name, exact=True).fill(value)
        self.page.get_by_role("button", name=f"Save {property_name}").click()

    def choose_columns(self, *names: str) -> None:
        self.page.get_by_role("link", name="Columns").click()
        choices = self.page.get_by_role("group", name="Properties to show")
        choices.wait_for()
        for box in choices.get_by_role("checkbox").all():
            box.uncheck()
        for name in names:
            self.page.get_by_role("checkbox", name=name, exact=True).check()
        self.page.get_by_role("button", name="Save").click()

    def reset_columns(self) -> None:
        self.page.get_by_role("link", name="Columns").click()
        self.page.get_by_role("button", name="Reset").click()

    def download(self) -> list[dict[str, str]]:
        """The rows of the file behind `Export CSV`."""
        with self.page.expect_download() as started:
            self.page.get_by_role("link", name="Export CSV").click()
        return list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text(encoding="utf-8"))))

    def score(self, name: str) -> Locator:
        """The cell Health of a customer's row."""
        return self.row(name).get_by_role("cell").first

    def give_opinion(self, grade: str, reason: str) -> None:
        self.page.get_by_text("Give a second opinion").click()
        self.page.get_by_label("Grade").select_option(grade)
        self.page.get_by_label("Reason").fill(reason)
        self.page.get_by_role("button", name="Keep second opinion").click()

    def take_opinion_back(self) -> None:
        self.page.get_by_role("button", name="Take back").click()

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name)
