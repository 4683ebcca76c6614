"""Values that people set by hand on a customer's page: from what they type to what is kept."""

from decimal import Decimal

from webapp import value_history
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Property
from webapp.models.properties import Deleted
from webapp.models.types import now
from webapp.rescoring import rescore
from webapp.scoring import hold_scores
from webapp.tenancy import owned, owned_update
from webapp.values import (
    TEXT_LENGTH,
    CannotRead,
    PropertyType,
    TooLarge,
    Value,
    convert,
    csv_value,
    decode_one,
    encode,
    encode_all,
)

EXPECTED = {
    PropertyType.NUMBER: "Enter a plain number, for example 1234.5.",
    PropertyType.MONEY: "Enter a plain amount, for example 1234.50.",
    PropertyType.PERCENT: "Enter a percentage, for example 12.5.",
    PropertyType.BOOLEAN: "Choose Yes or No.",
    PropertyType.DATE: "Enter a date as YYYY-MM-DD, for example 2026-11-14.",
}
# What is kept of each; more is not cut off without a word.
PLACES = {PropertyType.MONEY: 2, PropertyType.PERCENT: 2, PropertyType.NUMBER: 4}
TOO_LONG = f"Enter at most {TEXT_LENGTH:,} characters."


def read(text: str, type_: PropertyType) -> Value | None:
    """What a person typed, as a value of the type; None for nothing. CannotRead says what to enter instead."""
    text = text.strip()
    if len(text) > TEXT_LENGTH:
        raise CannotRead(TOO_LONG)
    if "\0" in text:
        raise CannotRead("Enter text without control characters.")
    if type_ is PropertyType.LIST:
        items = tuple(dict.fromkeys(item.strip() for item in text.split(";") if item.strip()))
        if decode_one(type_, encode_all(type_, [items])[0]) != (items or None):
            raise CannotRead("Enter fewer or shorter items: all of them together are too long to keep.")
        return items or None
    if not text:
        return None
    try:
        value = convert(text, PropertyType.TEXT, type_)
        encode(type_, value)  # refuse what could not be kept
    except TooLarge:
        raise CannotRead("Enter a smaller number: this one is too large to keep.") from None
    except CannotRead:
        raise CannotRead(EXPECTED[type_]) from None
    if type_ in PLACES and (exact := Decimal(text.removesuffix("%"))) != round(exact, PLACES[type_]):
        raise CannotRead(f"Enter at most {PLACES[type_]} decimal places.")
    return value


def write(property_: Property, customer: Customer, value: Value | None, by: str) -> None:
    """Keep the value, or forget the one there was, and score the customer anew; the caller commits. CannotRead when the
    property is not any more what it was when it was asked for, Deleted when there is none."""
    hold_scores()
    version = owned(Property, Property.version).where(Property.id == property_.id).with_for_update(read=True)
    found = db.session.scalar(version)
    if found is None:
        raise Deleted
    if found != property_.version:
        raise CannotRead("This property was changed meanwhile. Reload the page.")
    this = CustomerValues.provider_id == customer.provider_id, CustomerValues.uuid == customer.uuid
    before = db.session.scalar(owned(CustomerValues, property_.values).where(*this).with_for_update())
    after = encode_all(PropertyType(property_.type), [value])[0]
    if after != before:
        update = owned_update(CustomerValues).where(*this).values({property_.slot: after})
        db.session.execute(update.execution_options(synchronize_session=False))
        value_history.keep(property_, customer.id, before, after, by, now())
        rescore(customer)


def typed(type_: PropertyType, value: Value | None) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return csv_value(type_, value)
