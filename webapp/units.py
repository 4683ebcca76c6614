"""In which unit a property's values are, as its field and its type say. Pure."""

from webapp.chartmogul.fields import Field, PropertyType

# Of numbers that are counts: what they count. Days and months are said by a field's own name.
COUNTED = {"cm_reactivations": "reactivations", "cm_contractions_180d": "contractions"}


def other_currency(amounts: str, then: str | None, now: str | None) -> str | None:
    """What to say of amounts that were set in another currency than the account has; None if they were not, or if that
    is not known."""
    if then is None or now is None or then == now:
        return None
    return f"{amounts} were set in {then}; the connected account is in {now}."


def unit_of(type_: PropertyType, field: Field | None, currency: str | None, time_zone: str | None) -> str | None:
    """`EUR`, `%`, `days`, `count of reactivations`, `day in Europe/Berlin`; None for what has no unit."""
    if type_ is PropertyType.MONEY:
        return currency or "the account's currency"
    if type_ is PropertyType.PERCENT:
        return "%"
    if type_ is PropertyType.DATE:
        return f"day in {time_zone or 'UTC'}" if field else "day"
    if type_ is not PropertyType.NUMBER or field is None:
        return None
    if field.type is PropertyType.MONEY:
        return currency or "the account's currency"
    if field.type is PropertyType.PERCENT:
        return "%"
    if field.codename in COUNTED:
        return f"count of {COUNTED[field.codename]}"
    words = field.codename.split("_")
    is_ours = field.custom_key is None
    return next((unit for unit in ("days", "months") if is_ours and unit in words), None)
