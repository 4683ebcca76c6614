"""Reading ChartMogul: one patient GET, and the two lists, several pages at a time."""

import random
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from queue import Empty, Full, Queue, SimpleQueue
from typing import Any, TypeVar

from webapp.chartmogul.client import Busy, Client, Missing, Refused, TooLarge, Unavailable
from webapp.chartmogul.records import Page, PageBroken, parse_page
from worker.plan import LISTS, ROWS_A_PAGE, Chain, FetchedPage, Plan

TRIES = 5
# Of what an import can do without, so that it is known to be missing before a turn is over, also when nothing answers.
FEW_TRIES = 2
# The pause before the second try; each further one is twice as long, and all are longer when we asked too fast.
FIRST_PAUSE, FIRST_PAUSE_WHEN_BUSY = 0.5, 2.0
# So long a worker waits by itself; asked to wait longer, it does something else meanwhile.
LONGEST_WAIT = 20.0
SHORTEST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
# Read ahead of the database by so many pages, so memory stays small whatever the account's size.
PAGES_AHEAD = 12
# More pages are not read of one customer's subscriptions: the list leads in circles, or would fill the memory.
MOST_PAGES_OF_SUBSCRIPTIONS = 10
# How often a quiet stream lets the import look up: to say that it lives, and to see whether it may go on.
LOOK_UP_SECONDS = 2.0


Item = TypeVar("Item")


class Paused(Exception):
    """ChartMogul is to be left alone for a while; the import waits and the worker does something else."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"paused for {seconds:.0f} s")
        self.seconds = seconds


class Broken(Exception):
    """The lists contradict themselves: a loop, a promise of pages that lead nowhere."""


class PlaceLost(Exception):
    """A stream cannot be taken up where it stood: ChartMogul no longer knows the place."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"{stream} has to be read from its beginning")
        self.stream = stream


class Stopped(Exception):
    """The reading was called off, or came to nothing elsewhere."""


class Reader:
    """One import's way to ChartMogul: patient, within the key's budget, counted, stoppable."""

    def __init__(self, url: str, key: str, budget: Any) -> None:
        self.url, self.key, self.budget = url, key, budget
        self.stopped = threading.Event()
        # One of the streams that are read failed: the others need not ask any more.
        self.given_up = threading.Event()
        self._clients = threading.local()
        self._all_clients: list[Client] = []
        self._count = threading.Lock()
        self.requests = self.slowdowns = 0

    def get(self, path: str, urgent: bool = False, tries: int = TRIES, **params: Any) -> Any:
        """A decoded answer. Faults that pass are tried again with growing, jittered waits; a long wait raises Paused,
        and the last fault is raised as it is."""
        return self._patiently(lambda answer: answer, path, urgent, tries, params)

    def page(self, path: str, urgent: bool = False, tries: int = TRIES, **params: Any) -> Page:
        """A page of a list; one whose shape is broken is asked for again, as any other broken answer."""
        try:
            return self._patiently(parse_page, path, urgent, tries, params)
        except PageBroken:
            raise Broken("a page has no readable shape") from None

    def _patiently(
        self, read: Callable[[Any], Item], path: str, urgent: bool, tries: int, params: dict[str, Any]
    ) -> Item:
        waited = 0.0
        for attempt in range(1, tries + 1):
            try:
                return read(self._once(path, params, urgent))
            except Busy as error:
                pause = FIRST_PAUSE_WHEN_BUSY * 2.0 ** (attempt - 1)
                wait = pause if error.retry_after is None else error.retry_after
                waited += wait
                if waited > LONGEST_WAIT or attempt == tries:
                    raise Paused(min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)) from None
            except Refused:
                raise
            except (Unavailable, PageBroken):
                if attempt == tries:
                    raise
                wait = FIRST_PAUSE * 2.0 ** (attempt - 1)
            if self.stopped.wait(wait * random.uniform(1, 1.25)):  # noqa: S311 - spreads load, hides nothing
                raise Stopped
        raise AssertionError("unreachable")

    def call_off(self) -> None:
        """Stop: no further request, and the ones under way end now."""
        self.stopped.set()
        for client in self._all_clients:
            client.adapter.cut()

    def _once(self, path: str, params: dict[str, Any], urgent: bool) -> Any:
        client = getattr(self._clients, "client", None)
        if client is None:
            client = self._clients.client = Client(self.url, self.key)
            self._all_clients.append(client)
        with self.budget.turn(self.stopped, urgent) as turn:
            if self.stopped.is_set() or self.given_up.is_set():
                raise Stopped
            with self._count:
                self.requests += 1
            try:
                return client.get(path, **params)
            except Busy as error:
                turn.too_fast(error.retry_after)
                with self._count:
                    self.slowdowns += 1
                raise


def pages(reader: Reader, plan: Plan) -> Iterator[FetchedPage]:
    """Pages of whatever chain of the plan waits for one, until none does. Several threads do this at a time;
    the pages of one chain are handed over in their order."""
    while chain := plan.take(reader.stopped):
        page = _next_page(reader, chain)
        yield plan.advance(chain, page, _place_after(chain, page))
        plan.free(chain)


def _next_page(reader: Reader, chain: Chain) -> Page:
    """The chain's next page; PlaceLost when ChartMogul refuses the place or the cut, not the list."""
    params, rows = chain.params(), ROWS_A_PAGE
    while True:
        try:
            # Customers come in few chains, so theirs are the requests that the end waits for.
            page = reader.page(LISTS[chain.stream], chain.stream == "customers", per_page=rows, **params)
        except TooLarge:
            if rows == 1:
                raise
            rows //= 2
            continue
        except (Refused, Missing):
            if not params:
                raise
            raise PlaceLost(chain.stream) from None
        if page.entries or not page.has_more:
            chain.empty = 0
            return page if chain.stream == "customers" else _up_to_a_place(page)
        chain.empty += 1
        if chain.empty >= TRIES:
            raise Broken(f"the list of {chain.stream} promises rows and does not give them")
        if chain.stream == "customers":
            return page  # its cursor leads on


def _up_to_a_place(page: Page) -> Page:
    """A page of movements up to the last row that the next page can begin after: the rest comes again there."""
    rows = len(page.entries)
    while page.has_more and rows and _uuid_of(page.entries[rows - 1]) is None:
        rows -= 1
    return replace(page, entries=page.entries[:rows]) if rows else page


def _place_after(chain: Chain, page: Page) -> str | None:
    """Where the page after this one begins. The end is `has_more: false`, whatever else the page says.
    Movements go on from the last row received: the list's own cursor has been seen to skip a row a page."""
    after_last_row = _uuid_of(page.entries[-1]) if page.entries else chain.at
    place = page.cursor if chain.stream == "customers" else after_last_row
    if page.has_more:
        if place is None or place in chain.places or place == chain.at:
            raise Broken(f"the list of {chain.stream} leads back to a page that was read")
        chain.places.add(place)
    return place


def _uuid_of(entry: object) -> str | None:
    uuid = entry.get("uuid") if isinstance(entry, dict) else None
    return uuid if isinstance(uuid, str) and uuid else None


def of_each(
    reader: Reader, ask: Callable[[Reader, str], Item], uuids: Iterable[str]
) -> list[Callable[[], Iterator[tuple[str, Item]]]]:
    """Streams of (uuid, what `ask` answers for it), for `side_by_side`: each asks for the next one that waits. No more
    of them than there are uuids, so none for nobody."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for uuid in uuids:
        waiting.put(uuid)

    def stream() -> Iterator[tuple[str, Item]]:
        while True:
            try:
                uuid = waiting.get_nowait()
            except Empty:
                return
            yield uuid, ask(reader, uuid)

    return [stream] * min(reader.budget.parallel, waiting.qsize())


def customer(reader: Reader, uuid: str) -> Any:
    """What ChartMogul sent for a customer; None for one that it does not know, or only as another, with whom it was
    merged."""
    try:
        raw = reader.get(f"/customers/{uuid}")
    except Missing:
        return None
    found = _uuid_of(raw)
    return raw if found is None or found.removeprefix("cus_") == uuid.removeprefix("cus_") else None


# What one customer's subscriptions are: the entries as sent, or why there are none.
Answer = list[object] | Missing | Unavailable | Broken


def subscriptions(reader: Reader, uuid: str) -> Answer:
    """A customer's subscriptions. What is wrong with one customer's answer is the answer; a refused key or a long pause
    is raised."""
    try:
        return _subscriptions_of(reader, uuid)
    except (Missing, Unavailable, Broken) as error:
        return error


def _subscriptions_of(reader: Reader, uuid: str) -> list[object]:
    """All pages. This list's cursor never ends, so only `has_more` says when to stop; a server that gives no cursor
    counts its pages."""
    entries: list[object] = []
    place: dict[str, Any] = {}
    for number in range(1, MOST_PAGES_OF_SUBSCRIPTIONS + 1):
        page = reader.page(f"/customers/{uuid}/subscriptions", tries=FEW_TRIES, per_page=ROWS_A_PAGE, **place)
        entries += page.entries
        if not page.has_more:
            return entries
        before, place = place, {"cursor": page.cursor} if page.cursor else {"page": str(number + 1)}
        if place == before:
            break
    raise Broken("the list of subscriptions leads nowhere")


def side_by_side(reader: Reader, streams: Sequence[Callable[[], Iterable[Item]]]) -> Generator[Item | None, None, None]:
    """What several streams give, as it arrives, each read by a thread of its own; None when nothing arrived
    for a while. A stream's error is raised here, after what had arrived before it; the others ask no more. Closing this
    stops the threads."""
    arrived: Queue[Any] = Queue(maxsize=PAGES_AHEAD)
    ended = object()

    def hand_over(item: Any) -> None:
        while not reader.stopped.is_set():
            try:
                return arrived.put(item, timeout=0.2)
            except Full:
                continue

    def read(stream: Callable[[], Iterable[Item]]) -> None:
        try:
            for item in stream():
                hand_over(item)
                if reader.stopped.is_set():
                    return
            hand_over(ended)
        except Stopped:
            return  # why is on its way from another stream, or nobody wants to know
        except BaseException as error:
            reader.given_up.set()
            hand_over(error)

    threads = [threading.Thread(target=read, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            try:
                item = arrived.get(timeout=LOOK_UP_SECONDS)
            except Empty:
                yield None
                continue
            if isinstance(item, BaseException):
                raise item
            if item is ended:
                running -= 1
            else:
                yield item
    finally:
        reader.call_off()
        for thread in threads:
            thread.join(timeout=30)
        if not any(thread.is_alive() for thread in threads):  # one that hangs must not come back to life
            reader.stopped.clear()
            reader.given_up.clear()
