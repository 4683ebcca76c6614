"""Ranges of equal, round width that hold a property's values, and what people call them. Pure."""

from datetime import date, timedelta
from itertools import pairwise

from webapp.rendering import day
from webapp.values import NO_BREAK_SPACE, PropertyType, decode, format_value

MOST_BARS = 10
# Widths of ranges of days: in days, in months, in years.
DAYS, MONTHS, YEARS = (1, 7), (1, 3, 6), (1, 2, 5, 10, 50, 100, 1000)
PER_CENT = f"{NO_BREAK_SPACE}%"
EPOCH = date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (date.min - EPOCH).days, (date.max - EPOCH).days


def edges(type_: PropertyType, low: int, high: int, unit: int) -> list[int]:
    """The borders of at most MOST_BARS + 1 ranges that hold all values as they are kept, from low to high.
    Each range begins at its border and ends before the next. `unit`: the least distance of two values."""
    if type_ is PropertyType.DATE:
        return _day_edges(low, high)
    width, power = 0, unit
    while not width:
        width = next((k * power for k in (1, 2, 5) if (high - low) // (k * power) < MOST_BARS), 0)
        power *= 10
    return list(range(low // width * width, high + width + 1, width))


def labels(type_: PropertyType, borders: list[int], unit: int, currency: str | None) -> list[str]:
    """What to call each range between two borders."""
    if type_ is PropertyType.DATE:
        return [_days(start, end - 1) for start, end in pairwise(borders)]
    return [_numbers(type_, start, end, unit, currency) for start, end in pairwise(borders)]


def _day_edges(low: int, high: int) -> list[int]:
    """Ranges of days or weeks, of whole months, or of whole years."""
    for width in DAYS:
        if (high - low) // width < MOST_BARS:
            return list(range(low, high + width + 1, width))
    first, last = (EPOCH + timedelta(kept) for kept in (low, high))
    months = [width for width in MONTHS if (high - low) // (30 * width) < MOST_BARS]
    years = [12 * width for width in YEARS if (last.year - first.year) // width < MOST_BARS]
    width = (months or years)[0]
    start = (first.year * 12 + first.month - 1) // width * width
    end = last.year * 12 + last.month - 1
    return [_month(month) for month in range(start, end + width + 1, width)]


def _month(month: int) -> int:
    """The first day of a month, counted from year 0; what is beyond the calendar becomes its end."""
    year, rest = divmod(month, 12)
    if year < 1:
        return FIRST_DAY
    return LAST_DAY + 1 if year > 9999 else (date(year, rest + 1, 1) - EPOCH).days


def _days(start: int, end: int) -> str:
    """`2023`, `2020 to 2024`, `Mar 2025`, `Jan 2025 to Mar 2025` or days."""
    first, last = (EPOCH + timedelta(min(kept, LAST_DAY)) for kept in (start, end))
    whole_months = first.day == 1 and (last == date.max or (last + timedelta(1)).day == 1)
    if not whole_months:
        names = day(first), day(last)
    elif first.month == 1 and last.month == 12:
        names = str(first.year), str(last.year)
    else:
        names = f"{first:%b %Y}", f"{last:%b %Y}"
    return names[0] if names[0] == names[1] else f"{names[0]} to {names[1]}"


def _numbers(type_: PropertyType, start: int, end: int, unit: int, currency: str | None) -> str:
    """`0.00 to under 500.00 EUR`, `-10.00 to under 0.00 %`; whole numbers by the first and the last, `0 to 9`."""
    first, last, after = (format_value(type_, decode(type_, kept, None)) for kept in (start, end - unit, end))
    words = first
    if first != last:
        words = f"{first.removesuffix(PER_CENT)} to {last if unit > 1 else f'under {after}'}"
    return f"{words}{NO_BREAK_SPACE}{currency}" if currency and type_ is PropertyType.MONEY else words
