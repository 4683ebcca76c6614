"""Everybody at once: 50 pages that ask every 2 s how an import gets on, imports of 4 tenants one after the other, 20
sign-ins, and connections that send their request a byte a second, with nothing between them and gunicorn. All
processes are those of the Procfile. Prints a table in Markdown.

    bin/bench load [--databases sqlite,postgresql] [--seconds 60] [--customers 5000] [--slow 0,200]
"""

import argparse
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any

import requests

from benchmarks.place import databases, machine
from tests import factories
from tests.e2e import people
from tests.e2e.holdings import connect, imports_of
from tests.e2e.house import House
from tests.e2e.people import Company, Somebody
from webapp import queue
from webapp.models import LIVE_IMPORT_STATES, Provider, Role, Trigger
from webapp.models.types import now

PAGES, TENANTS, SIGN_INS, EVERY = 50, 4, 20, 2.0
_MORE = re.compile(r'data-hx-get="(/imports/[^"]+/live\?[^"]*)"')
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench load", description=__doc__.partition("\n\n")[0])
    for name, default in ("databases", "sqlite,postgresql"), ("seconds", 60), ("customers", 5000), ("slow", "0,200"):
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = parser.parse_args()
    print(f"{machine()}\n\n| database | slow connections | what | measured | target |\n|---|---|---|---|---|")
    for database in databases(options.databases):
        for slow in map(int, options.slow.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                house = House(Path(folder), database, ["web", "worker", "worker", "clock"])
                try:
                    house.open()
                    for line in Load(house, options.seconds, options.customers, slow).figures():
                        print(f"| {database} | {slow} | {line} |", flush=True)
                finally:
                    house.close()


class Load:
    """Who asks, in threads of their own, and what they saw."""

    def __init__(self, house: House, seconds: int, customers: int, slow: int) -> None:
        self.house, self.seconds, self.over = house, seconds, threading.Event()
        self.errors: Counter[str] = Counter()
        self.pages, self.sign_ins = list[float](), list[float]()
        self.admins: dict[Company, Somebody] = {}
        for number in range(TENANTS):
            name, email = f"Tenant {number}", f"admin-{number}@example.org"
            with house.rows():
                tenant = factories.make_tenant(name)
                company, id_ = Company(tenant.id, name), factories.make_user(email, Role.ADMIN, tenant).id
            self.admins[company] = Somebody(id_, email)
            connect(house, company, house.chartmogul.account(name, customers, seed=number + 1))
        self.slow = [self._slow_connection() for _ in range(slow)]

    def figures(self) -> Iterator[str]:
        threads = [threading.Thread(target=self._page, args=(number,)) for number in range(PAGES)]
        threads += [threading.Thread(target=do) for do in (self._keep_importing, self._drip, self._keep_signing_in)]
        for thread in threads:
            thread.start()
        time.sleep(self.seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        for what, times, target in (("pages", self.pages, "≤ 500 ms"), ("sign-ins", self.sign_ins, "")):
            p95, longest = (quantiles(times, n=20, method="inclusive")[-1], max(times)) if len(times) > 1 else (0, 0)
            yield f"{what}: answers, p95, longest | {len(times):,}, {1000 * p95:.0f} ms, {longest:.1f} s | {target}"
        locked = self.house.processes.words(10**9).count("database is locked")
        yield f"errors; “database is locked” in the logs | {self.errors.total()}; {locked} | 0; 0"
        rows = [row for company in self.admins for row in imports_of(self.house, company)]
        yield f"imports that ended meanwhile | {sum(row.state == 'done' for row in rows)} | "
        print(*(f"{error}, {times} times\n" for error, times in (+self.errors).items()), end="", file=sys.stderr)

    def _page(self, number: int) -> None:
        """A page of imports: as long as one is under way its piece asks again, else the page is loaded anew."""
        session, path = requests.Session(), "/imports"
        session.cookies.set("sid", people.session_of(self.house, list(self.admins.values())[number % TENANTS]))
        self.over.wait(EVERY * number / PAGES)
        while not self.over.wait(EVERY):
            session.headers["HX-Request"] = "true" if "?" in path else ""
            answer = self._timed(self.pages, session, "GET", path)
            if answer is not None and answer.status_code != 204:
                found = _MORE.search(answer.text)
                path = found[1].replace("&amp;", "&") if found else "/imports"

    def _keep_signing_in(self) -> None:
        somebody = next(iter(self.admins.values()))
        while not self.over.wait(self.seconds / SIGN_INS):
            session = requests.Session()
            form = self._timed(self.pages, session, "GET", "/login")
            if token := form and _TOKEN.search(form.text):
                fields = {"csrf_token": token[1], "email": somebody.email, "password": somebody.password}
                self._timed(self.sign_ins, session, "POST", "/login", data=fields, allow_redirects=False)

    def _timed(self, times: list[float], session: requests.Session, *asked: str, **more: Any) -> Any:
        """Over a connection of its own: those that are kept end after 2 s, just when the next request is due."""
        session.headers["Connection"] = "close"
        began = time.monotonic()
        try:
            answer = session.request(asked[0], self.house.address + asked[1], timeout=30, **more)
        except requests.RequestException as error:
            self.errors[type(error).__name__] += 1
            return None
        times.append(time.monotonic() - began)
        self.errors[f"{answer.status_code} {asked[1].partition('?')[0]}"] += answer.status_code >= 400
        return answer

    def _keep_importing(self) -> None:
        """Each tenant's next import begins when its last one has ended."""
        while not self.over.wait(0.5):
            for company in self.admins:
                if any(row.state in LIVE_IMPORT_STATES for row in imports_of(self.house, company)):
                    continue
                with self.house.rows(company.id):
                    provider = Provider.current()
                    assert provider
                    queue.commit_and_wake(provider.start_import(Trigger.MANUAL, "bench", now()))

    def _drip(self) -> None:
        """The slow ones send a byte each; one that was closed is opened anew."""
        while not self.over.wait(1):
            for place, slow in enumerate(self.slow):
                try:
                    slow.send(b"a")
                except OSError:
                    self.slow[place] = self._slow_connection()

    def _slow_connection(self) -> socket.socket:
        slow = socket.create_connection((self.house.settings.host, self.house.settings.port), timeout=5)
        slow.send(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: a")
        return slow


if __name__ == "__main__":
    main()
