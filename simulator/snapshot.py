"""A world as it is served: everything in the order of the lists, and what is derived from that."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from simulator.records import Style
from simulator.world import Customer, Movement, World

NEVER = 1 << 62
T = TypeVar("T")


class Snapshot:
    """An account's contents at one moment, in the order in which the lists are served."""

    def __init__(self, world: World, style: Style) -> None:
        self.catalogue = world.catalogue
        self.style = style
        self.now = world.now()
        self.customers = sorted(world.customers, key=customer_key)
        self.movements = sorted(
            (movement for customer in world.customers for movement in customer.movements), key=movement_key
        )
        self._derived: dict[Hashable, Any] = {}

    def derived(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, kept as long as the snapshot: filtered lists, indexes, daily totals."""
        if key not in self._derived:
            self._derived[key] = make()
        found: T = self._derived[key]
        return found

    def customer(self, uuid: str) -> Customer | None:
        index = self.derived("customers", lambda: {customer.uuid: customer for customer in self.customers})
        return index.get(uuid)

    def movement(self, uuid: str) -> Movement | None:
        index = self.derived("movements", lambda: {movement.uuid: movement for movement in self.movements})
        return index.get(uuid)


def customer_key(customer: Customer) -> tuple[int, int]:
    """Oldest customer-since first, never-subscribed last, then by id."""
    return (NEVER if customer.since is None else customer.since, customer.id)


def movement_key(movement: Movement) -> tuple[int, int]:
    return (movement.at, movement.serial)
