"""ChartMogul's read side: which path answers what. Nothing here knows about HTTP, limits or faults."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from simulator import metrics, records
from simulator.account import Account
from simulator.movements import activity_page
from simulator.paging import Order, Page, Query, Refusal, cut, cut_numbered, refusal
from simulator.records import Record
from simulator.snapshot import Snapshot, customer_key
from simulator.world import Customer, Movement, Plan

_CUSTOMERS = Order(lambda customer: customer_key(customer)[0], lambda customer: customer.id, newest_first=False)
_MOVEMENTS = Order(lambda movement: movement.at, records.activity_id)
_CREATED = Order(lambda thing: thing.created_at, lambda thing: thing.number)


@dataclass
class Ask:
    """A request for `account`, whose lock the caller holds."""

    account: Account
    query: Query

    @property
    def snapshot(self) -> Snapshot:
        """Drawn when first needed: `/ping` and `/account` answer at once, however big the account."""
        return self.account.snapshot()


Answer = Page | Record
Handler = Callable[..., Answer]
_routes: list[tuple[re.Pattern[str], Handler]] = []


def answer(account: Account, path: str, query: Query) -> Answer:
    """What `GET /v1<path>` gives; raises Refusal for anything but a 200."""
    for pattern, handler in _routes:
        match = pattern.fullmatch(path)
        if match:
            return handler(Ask(account, query), *match.groups())
    raise refusal(404, "Not found")


def _route(path: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _routes.append((re.compile(path.replace("<uuid>", "([^/]+)")), handler))
        return handler

    return register


@_route("/ping")
def ping(ask: Ask) -> Answer:
    return {"data": "pong!"}


_EXTRAS = {
    "churn_recognition": "immediate",
    "churn_when_zero_mrr": "ignore",
    "auto_churn_subscription": False,
    "refund_handling": "ignore",
    "proximate_movement_reclassification": "combine",
}


@_route("/account")
def account(ask: Ask) -> Answer:
    """That an unknown `include` is a 400 isn't confirmed, nor are the values of the extras."""
    wanted = [name for name in ask.query.get("include", "").split(",") if name]
    if any(name not in _EXTRAS for name in wanted):
        raise refusal(400, "include is invalid", "include")
    return {**ask.account.record(), **{name: _EXTRAS[name] for name in wanted}}


@_route("/customers")
def customers(ask: Ask) -> Answer:
    """An unknown value of a filter, also `Past Due` for `Past_Due`, gives an empty list (not confirmed)."""
    wanted = {name: ask.query[name] for name in _CUSTOMER_FILTERS if ask.query.get(name)}
    chosen = ask.snapshot.derived(("customers", *wanted.items()), lambda: _that_suit(ask.snapshot, wanted))
    return cut(chosen, ask.query, _CUSTOMERS, _customer(ask), counters="current_page total_pages per_page page")


_CUSTOMER_FILTERS: dict[str, Callable[[Customer, int], list[str]]] = {
    "data_source_uuid": lambda customer, _: [source.uuid for source in customer.sources],
    "external_id": lambda customer, _: customer.external_ids,
    "status": lambda customer, now: [customer.status(now).replace(" ", "_")],
    "system": lambda customer, _: [source.system for source in customer.sources],
}


def _that_suit(snapshot: Snapshot, wanted: Query) -> list[Customer]:
    """All filters at once; each looks at every customer a single time, whatever it is asked for."""
    if not wanted:
        return snapshot.customers
    lists = [_by(snapshot, name).get(value, []) for name, value in wanted.items()]
    others = [{customer.uuid for customer in each} for each in lists[1:]]
    return [customer for customer in lists[0] if all(customer.uuid in other for other in others)]


def _by(snapshot: Snapshot, name: str) -> dict[str, list[Customer]]:
    def make() -> dict[str, list[Customer]]:
        found: dict[str, list[Customer]] = defaultdict(list)
        for customer in snapshot.customers:
            for value in dict.fromkeys(_CUSTOMER_FILTERS[name](customer, snapshot.now)):
                found[value].append(customer)
        return found

    return snapshot.derived(("customers by", name), make)


def _customer(ask: Ask) -> Callable[[Customer], Record]:
    snapshot = ask.snapshot
    return lambda customer: records.customer_record(customer, snapshot.style, snapshot.now)


@_route("/customers/search")
def search(ask: Ask) -> Answer:
    email = ask.query.get("email")
    if not email:
        raise refusal(400, "Required parameter is missing", "email")
    found = [customer for customer in ask.snapshot.customers if customer.email == email]
    if not found:
        raise refusal(404, f'Can\'t find any customers with email: "{email}"', "email")
    return cut(found, ask.query, _CUSTOMERS, _customer(ask), counters="current_page total_pages? per_page page")


@_route("/customers/<uuid>")
def customer(ask: Ask, uuid: str) -> Answer:
    return _customer(ask)(_found(ask, uuid))


@_route("/customers/<uuid>/attributes")
def attributes(ask: Ask, uuid: str) -> Answer:
    return records.attributes_record(_found(ask, uuid), ask.snapshot.style)


@_route("/customers/<uuid>/activities")
def customer_activities(ask: Ask, uuid: str) -> Answer:
    newest_first = sorted(_found(ask, uuid).movements, key=_MOVEMENTS.key)

    def record(movement: Movement) -> Record:
        return records.customer_activity_record(movement, ask.snapshot.style)

    return cut(newest_first, ask.query, _MOVEMENTS, record, counters="per_page page")


@_route("/customers/<uuid>/subscriptions")
def subscriptions(ask: Ask, uuid: str) -> Answer:
    rows = records.subscription_records(_found(ask, uuid), ask.snapshot.style, ask.snapshot.now)
    return cut_numbered(rows, ask.query)


def _found(ask: Ask, uuid: str) -> Customer:
    found = ask.snapshot.customer(uuid)
    if found is None:
        raise refusal(404, f'Customer "{uuid.removeprefix("cus_")}" does not exist', "customer_id")
    return found


@_route("/activities")
def activities(ask: Ask) -> Answer:
    return activity_page(ask.snapshot, ask.query, skips=ask.account.cursor_skips)


@_route("/metrics/([a-z-]+)")
def account_metrics(ask: Ask, metric: str) -> Answer:
    return metrics.answer(ask.snapshot, ask.account.time_zone, metric, ask.query)


@_route("/plans")
def plans(ask: Ask) -> Answer:
    query = ask.query
    wanted = [
        plan
        for plan in ask.snapshot.catalogue.plans
        if query.get("data_source_uuid", plan.source.uuid) == plan.source.uuid
        and query.get("external_id", plan.external_id) == plan.external_id
        and query.get("system", plan.source.system) == plan.source.system
    ]
    return _plan_page(wanted, query)


@_route("/plans/<uuid>")
def plan(ask: Ask, uuid: str) -> Answer:
    for each in ask.snapshot.catalogue.plans:
        if each.uuid == uuid:
            return records.plan_record(each)
    raise Refusal(404, {"error": "Plan not found"})


@_route("/plan_groups")
def plan_groups(ask: Ask) -> Answer:
    groups = sorted(ask.snapshot.catalogue.groups, key=_CREATED.key)
    return cut(
        groups,
        ask.query,
        _CREATED,
        records.plan_group_record,
        counters="current_page total_pages",
        key="plan_groups",
    )


@_route("/plan_groups/<uuid>")
def plan_group(ask: Ask, uuid: str) -> Answer:
    for group in ask.snapshot.catalogue.groups:
        if group.uuid == uuid:
            return records.plan_group_record(group)
    raise Refusal(404, NOT_FOUND_PAGE)


@_route("/plan_groups/<uuid>/plans")
def plans_of_group(ask: Ask, uuid: str) -> Answer:
    for group in ask.snapshot.catalogue.groups:
        if group.uuid == uuid:
            return _plan_page(list(group.plans), ask.query)
    raise Refusal(404, NOT_FOUND_PAGE)


def _plan_page(wanted: list[Plan], query: Query) -> Page:
    ordered = sorted(wanted, key=_CREATED.key)
    return cut(ordered, query, _CREATED, records.plan_record, counters="current_page total_pages", key="plans")


NOT_FOUND_PAGE = (
    "<!DOCTYPE html>\n<html>\n<head>\n"
    "<title>The page you were looking for doesn't exist (404)</title>\n<style>\n"
    + "/* padding as in the recorded page of about 31 KB */\n" * 590
    + "</style>\n</head>\n<body>\n<h1>The page you were looking for doesn't exist.</h1>\n</body>\n</html>\n"
)


@_route("/data_sources")
def data_sources(ask: Ask) -> Answer:
    query, flags = ask.query, _flags(ask.query)
    return {
        "data_sources": [
            records.source_record(source, flags)
            for source in ask.snapshot.catalogue.sources
            if query.get("name", source.name) == source.name and query.get("system", source.system) == source.system
        ]
    }


@_route("/data_sources/<uuid>")
def data_source(ask: Ask, uuid: str) -> Answer:
    for source in ask.snapshot.catalogue.sources:
        if source.uuid == uuid:
            return records.source_record(source, _flags(ask.query))
    raise Refusal(404, {"error": "Data source not found"})


def _flags(query: Query) -> frozenset[str]:
    return frozenset(name for name, value in query.items() if name.startswith("with_") and value == "true")
