"""The list of properties, a property's page, and the form that defines one."""

from playwright.sync_api import Locator, Page


class Properties:
    def __init__(self, page: Page, scripts: bool = True) -> None:
        self.page, self.scripts = page, scripts
        self.table = page.get_by_role("table", name="Properties", exact=True)
        self.name = page.get_by_label("Name", exact=True)
        self.codename = page.get_by_label("Codename")
        self.source = page.get_by_label("Data source")
        self.field = page.get_by_label("ChartMogul field")
        self.type = page.get_by_label("Type")
        self.preview = page.get_by_role("region", name="Preview")
        self.changes = page.get_by_role("region", name="Before and after")
        self.history = page.get_by_role("region", name="History of its definition")
        self.starter_set = page.get_by_role("region", name="Start with")
        self.toast = page.locator("#toasts")
        self.alert = page.get_by_role("alert")

    def open(self) -> None:
        self.page.goto("/properties")

    def row(self, name: str) -> Locator:
        return self.table.get_by_role("row").filter(has=self.page.get_by_role("link", name=name, exact=True))

    def begin(self) -> None:
        self.page.get_by_role("link", name="Create new property").first.click()

    def start(self) -> None:
        """Create the starter set."""
        self.starter_set.get_by_role("button", name="Create these").click()

    def describe(self, name: str, source: str = "ChartMogul") -> None:
        """Name and data source; what follows from them appears, without scripts by the button beside."""
        self.name.fill(name)
        self.source.select_option(source)
        if self.scripts:
            self.name.press("Tab")
            self.page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-settling')")
        else:
            self.page.get_by_role("button", name="Show fields").click()

    def save(self) -> None:
        self.page.get_by_role("button", name="Save").click()

    def show(self, name: str) -> None:
        self.table.get_by_role("link", name=name, exact=True).click()

    def edit(self, type_: str) -> None:
        """From a property's page to the form with another type; what it would change appears beside."""
        self.page.get_by_role("link", name="Edit").click()
        self.type.select_option(type_)
        if not self.scripts:
            self.page.get_by_role("button", name="Show fields").click()

    def delete(self) -> None:
        self.page.get_by_role("link", name="Delete").click()
        self.page.get_by_role("button", name="Delete property").click()
