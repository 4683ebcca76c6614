"""Day 0 of an account: every customer with the history that led up to the epoch."""

import random
from datetime import date

from simulator.catalogue import draw_catalogue
from simulator.history import Life, settle, wavers
from simulator.people import draw_customer
from simulator.spelling import DAY, HOUR, midnight
from simulator.world import Customer, Source, World

_SPAN = 4 * 365 * DAY
_LEADS = 0.14


def draw_world(seed: int, size: int, epoch: date, currency: str) -> World:
    """The same arguments give the same world, down to the last uuid."""
    start_of_day = midnight(epoch)
    world = World(seed, epoch, epoch, draw_catalogue(seed, currency, start_of_day))
    rng = random.Random(f"{seed}:genesis")
    for _ in range(size):
        draw_subscriber_or_lead(rng, world, start_of_day)
    return world


def draw_subscriber_or_lead(rng: random.Random, world: World, end: int) -> Customer:
    """Someone who came at any time in the years before `end`; later ones are more frequent."""
    chance = rng.random
    born = end - DAY - int(_SPAN * (1 - chance() ** 0.6))
    customer = draw_customer(rng, next(world.serials.customers), world.catalogue, born - int(chance() * 60) * DAY)
    if chance() >= _LEADS or not world.customers:
        life = Life(rng, customer, world.catalogue, world.serials)
        life.live(born, end - 4 * HOUR)
        _give_a_future(rng, life, end)
        settle(customer)
        _mark(rng, customer, world.catalogue.sources, end)
    world.customers.append(customer)
    return customer


def _give_a_future(rng: random.Random, life: Life, end: int) -> None:
    """Schedule something for about one subscriber in twenty-five."""
    draw = rng.random()
    if draw > 0.045 or not life.running(end):
        return
    at = end + (2 + int(rng.random() * 60)) * DAY
    if draw < 0.026:
        life.cancel(at)
    elif draw < 0.034:
        life.change(at, grow=False)
    elif draw < 0.041:
        life.change(at, grow=True)
    else:
        life.cancel(at)
        life.start(at + 30 * DAY)


def _mark(rng: random.Random, customer: Customer, sources: tuple[Source, ...], end: int) -> None:
    """Past due (rather those who shrank), ChartMogul's own tags, and an external id held twice by a merge long ago."""
    draw = rng.random()
    if customer.mrr(end) and draw < (0.2 if wavers(customer, end) else 0.025):
        customer.past_due = True
    elif not customer.mrr(end) and draw < 0.12:
        customer.tags.append("auto-churned-delinquent-subscription")
    elif 0.5 < draw < 0.515:
        other = sources[(customer.source.number + 1) % len(sources)]
        customer.external_ids.append(customer.external_id)
        customer.sources.insert(0, other)
        customer.main = 1
        customer.tags.append("merged-customer")
