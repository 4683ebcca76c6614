"""Charts as inline SVG, rendered by the server: shapes only, no words inside. Pure.

The words stand beside the shapes as HTML, so that they keep their size where a chart is stretched. What a
chart shows is said in its label, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from markupsafe import Markup

WIDTH, HEIGHT = 1000, 200
Day = tuple[date, int]
# How far the mark of a movement goes above the curve and below it: told apart without colours.
MARKS = {"new_biz": (16, 0), "expansion": (8, 0), "contraction": (0, 8), "churn": (0, 16), "reactivation": (16, 16)}

_CHART = Markup(
    '<svg class="chart" viewBox="0 0 1000 200" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
)
_MOVED = Markup('<path class="moved {}" d="{}"/>')
_LEGEND_MARK = Markup('<svg class="legend-mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M0 16H32"/>{}</svg>')
_MONTH_BAR = Markup('<path class="{}" d="M{} {}h{}v{}h-{}Z"/>')
_BAR = Markup(
    '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
    '<rect width="{}" height="8"/></svg>'
)
_SPARK = Markup('<svg class="spark" viewBox="0 0 96 28" role="img" aria-label="{}">{}<path d="{}"/>{}</svg>')
_SPARK_DOT = Markup('<circle cx="{}" cy="{}" r="2.4"/>')
SPARK_WIDTH, LEAST_REACH = 88, 200  # the latter in tenths of a point of a score
# How much of its month's place a bar takes, and how thin it may get: a small amount is there all the same.
BAR_SHARE, LEAST_HEIGHT = 0.7, 2.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Amounts by day, oldest first, each holding until the next, and those that are only scheduled. `until`: the day up
    to which they are known; today, unless nobody reads them any more."""

    past: Sequence[Day]
    scheduled: Sequence[Day]
    until: date
    # The past movements' days and types.
    moved: Sequence[tuple[date, str]] = ()

    @property
    def first(self) -> date:
        return min(day for day, _ in (*self.past, *self.scheduled, (self.until, 0)))

    @property
    def last(self) -> date:
        """The end of the drawing: the last day that is known, or some days after the last amount that is scheduled."""
        if not self.scheduled:
            return self.until
        ahead = max(day for day, _ in self.scheduled)
        return ahead + timedelta(max(1, (ahead - self.first).days // 20))

    @property
    def peak(self) -> int:
        return max((minor for _, minor in (*self.past, *self.scheduled)), default=0)

    @property
    def now(self) -> int:
        return self.past[-1][1] if self.past else 0


@dataclass(frozen=True, slots=True)
class Line:
    """Numbers by moment (seconds since 1970), oldest first, each holding until the next, None a gap; at first those
    that are rebuilt, then those that were recorded, up to `end`."""

    rebuilt: Sequence[tuple[int, int | None]]
    recorded: Sequence[tuple[int, int | None]]
    end: int

    @property
    def first(self) -> int:
        return min(at for at, _ in (*self.rebuilt, *self.recorded, (self.end, None)))


def step_line(line: Line, label: str, highest: int = 0, marks: Sequence[int] = ()) -> Markup:
    """A step line: dashed and pale what is rebuilt, plain what was recorded. `highest`: how far up the drawing reaches
    at least; `marks`: moments that a line across it shows."""
    numbers = [number for _, number in (*line.rebuilt, *line.recorded) if number is not None]
    x = _Scale(line.first, line.end, 0, WIDTH)
    y = _Scale(min([0, *numbers]), max([highest, *numbers]), HEIGHT - 4, 8)
    begins = line.recorded[0][0] if line.recorded else line.end
    shapes = []
    for kind, steps, end in (("rebuilt", line.rebuilt, begins), ("recorded", line.recorded, line.end)):
        drawn = _with_gaps(steps, end, x, y)
        shapes += [Markup('<path class="{}" d="{}"/>').format(kind, drawn)] if drawn else []
    shapes += [
        Markup('<path class="since" d="M{} 0V{}"/>').format(min(max(x(at), 2), WIDTH - 2), HEIGHT) for at in marks
    ]
    return _CHART.format(label, Markup("").join(shapes))


def spark(numbers: Sequence[int | None], label: str) -> Markup:
    """A small line of numbers at even distances, the last one dotted; None is a gap. It is drawn as high as the numbers
    reach, so that small steps show, but those of less than LEAST_REACH stay small."""
    known = [number for number in numbers if number is not None]
    middle, reach = (min(known) + max(known)) / 2, max(LEAST_REACH, max(known) - min(known))
    step = SPARK_WIDTH / max(1, len(numbers) - 1)
    drawn, last = "", ""
    for place, number in enumerate(numbers):
        if number is None:
            last = ""
            continue
        at = f"{_short(4 + place * step)} {_short(14 - 22 * (number - middle) / reach)}"
        drawn, last = drawn + ("L" if last else "M") + at, at
    dot = _SPARK_DOT.format(*last.split()) if last else ""
    area = "" if None in numbers else Markup('<path class="area" d="{}L92 28L4 28Z"/>').format(drawn)
    return _SPARK.format(label, area, drawn, dot)


def mrr_curve(curve: Curve, label: str) -> Markup:
    """A step curve up to the last day that is known; what is scheduled goes on dashed, each change marked."""
    x, y = _scales(curve)
    shapes = []
    if curve.past:
        steps = _steps([*curve.past, (curve.until, curve.now)], x, y)
        start, end = x(curve.past[0][0]), x(curve.until)
        shapes.append(Markup('<path class="area" d="{}V{}H{}Z"/><path d="{}"/>').format(steps, HEIGHT, start, steps))
        if curve.scheduled:
            shapes.append(Markup('<path class="today" d="M{} 0V{}"/>').format(end, HEIGHT))
    shapes += _marks(curve, x, y)
    if curve.scheduled:
        ahead = [(curve.until, curve.now), *curve.scheduled, (curve.last, curve.scheduled[-1][1])]
        shapes.append(Markup('<path class="ahead" d="{}"/>').format(_steps(ahead, x, y)))
        marks = "".join(f"M{x(day)} {_short(max(0, y(minor) - 8))}v16" for day, minor in curve.scheduled)
        shapes.append(Markup('<path class="mark" d="{}"/>').format(marks))
    return _CHART.format(label, Markup("").join(shapes))


def movement_mark(type_: str) -> Markup:
    """The mark of a kind of movement by itself, for a legend."""
    above, below = MARKS.get(type_, (8, 8))
    drawn = f"M16 {16 - above}V{16 + below}"
    return _LEGEND_MARK.format(_MOVED.format(type_, drawn))


def month_bars(amounts: Sequence[int | None], label: str, running: bool = False) -> Markup:
    """A bar for each month, up from zero or down from it, and none for a month of which nothing is known. `running`:
    the last month is not over, and its bar is paler."""
    known = [0, *(amount for amount in amounts if amount is not None)]
    y, place = _Scale(min(known), max(known), HEIGHT - 4, 4), WIDTH / max(1, len(amounts))
    zero = y(0)
    shapes = [Markup('<path class="zero" d="M0 {}H{}"/>').format(zero, WIDTH)]
    for index, amount in enumerate(amounts):
        if amount:
            kind = "up" if amount > 0 else "down"
            kind += " running" if running and index == len(amounts) - 1 else ""
            height = max(abs(y(amount) - zero), LEAST_HEIGHT) * (-1 if amount > 0 else 1)
            left, width = _short((index + (1 - BAR_SHARE) / 2) * place), _short(BAR_SHARE * place)
            shapes.append(_MONTH_BAR.format(kind, left, zero, width, _short(height), width))
    return _CHART.format(label, Markup("").join(shapes))


def bar(part: int, whole: int) -> Markup:
    """A bar that is part ÷ whole of its place; a sliver of it if the part is small but there."""
    share = 100 * part / whole if whole > 0 else 0
    return _BAR.format(_short(min(100, max(share, 1.5 if part else 0))))


def histogram(counts: Sequence[tuple[str, int]], marks: Sequence[tuple[str, float]] = (), marked: str = "") -> Markup:
    """A column for each range, side by side; a sliver where there are few. The label says where most are. `marks`:
    lines across it, each with its class and its place from 0 to 1; `marked` says what they are."""
    most, total = max(number for _, number in counts), sum(number for _, number in counts)
    columns, width = [], WIDTH / len(counts)
    for place, (_, number) in enumerate(counts):
        height = max(HEIGHT * number / most, 2 if number else 0) if most else 0
        shape = Markup('<rect class="column" x="{}" y="{}" width="{}" height="{}"/>')
        columns.append(shape.format(*map(_short, (place * width + 2, HEIGHT - height, width - 4, height))))
    for kind, at in marks:
        x = _short(min(max(at * WIDTH, 3), WIDTH - 3))
        columns.append(Markup('<path class="{}" d="M{} 0V{}"/>').format(kind, x, HEIGHT))
    words = next(words for words, number in counts if number == most)
    label = f"{total:,} values in {len(counts)} ranges, from {counts[0][0]}. Most, {most:,}: {words}.{marked}"
    return _CHART.format(label, Markup("").join(columns))


class _Scale:
    """Maps a range of numbers onto the drawing, from `start` to `end`."""

    def __init__(self, low: int, high: int, start: float, end: float) -> None:
        self.low, self.span, self.start, self.reach = low, max(1, high - low), start, end - start

    def __call__(self, value: int | date) -> float:
        number = value.toordinal() if isinstance(value, date) else value
        return _short(self.start + self.reach * (number - self.low) / self.span)


def _marks(curve: Curve, x: _Scale, y: _Scale) -> list[Markup]:
    """A mark for each past movement where it happened, a path for each kind."""
    after, shapes = dict(curve.past), []
    for type_, (above, below) in MARKS.items():
        places = sorted({(x(day), y(after[day])) for day, moved in curve.moved if moved == type_ and day in after})
        tall, top = above + below, HEIGHT - above - below  # a mark keeps its height at the edges of the drawing
        marks = "".join(f"M{at} {_short(min(max(0, h - above), top))}v{tall}" for at, h in places)
        shapes += [_MOVED.format(type_, marks)] if marks else []
    return shapes


def _scales(curve: Curve) -> tuple[_Scale, _Scale]:
    lowest = min(0, min((minor for _, minor in (*curve.past, *curve.scheduled)), default=0))
    across = _Scale(curve.first.toordinal(), curve.last.toordinal(), 0, WIDTH)
    return across, _Scale(lowest, curve.peak, HEIGHT - 4, 8)


def _steps(days: Sequence[Day], x: _Scale, y: _Scale) -> str:
    day, minor = days[0]
    return f"M{x(day)} {y(minor)}" + "".join(f"H{x(day)}V{y(minor)}" for day, minor in days[1:])


def _with_gaps(steps: Sequence[tuple[int, int | None]], end: int, x: _Scale, y: _Scale) -> str:
    drawn, before = "", None
    for (at, number), (until, _) in pairwise([*steps, (end, None)]):
        if number is not None:
            drawn += f"{'M' if before is None else 'V'}{f'{x(at)} ' if before is None else ''}{y(number)}H{x(until)}"
        before = number
    return drawn


def _short(number: float) -> float:
    """A coordinate with one decimal at most: more would only make the page larger."""
    rounded = round(number, 1)
    return int(rounded) if rounded == int(rounded) else rounded
