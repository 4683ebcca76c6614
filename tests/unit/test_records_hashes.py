"""What is stored under a movement's id or beside a customer's hash must be found again by every later version."""

from uuid import UUID

from webapp.chartmogul.records import content_hash, movement_id, parse_customer, parse_movement

AT = "2024-02-14T16:09:39.250+02:00"
CUSTOMER = {"uuid": "cus_1", "name": "Zoë", "mrr": 5, "arr": 60, "customer-since": AT}
ATTRIBUTES = {"tags": ["a"], "custom": {"b": 1.5, "a": [True]}}
AMOUNTS = {"activity-mrr-movement": 2245, "activity-mrr": 14159, "currency": "EUR"}
TEXTS = {"description": "purchased the Stärter plan", "plan-external-id": "plan_1"}


def test_movement_keeps_its_id() -> None:
    record = parse_movement({"customer-uuid": "cus_1", "date": AT, "type": "expansion", **AMOUNTS, **TEXTS})

    assert movement_id(UUID(int=7), record, 1).hex() == "039751a2f5b2fd9406f6b8dd53e4fbc3"


def test_customer_keeps_its_hash() -> None:
    record = parse_customer({**CUSTOMER, "attributes": ATTRIBUTES})

    assert content_hash(record).hex() == "15ef5bb0c2d8877ea64832db9038a915"
