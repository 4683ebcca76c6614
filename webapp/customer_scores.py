"""The health score in the customers' list: what stands in its columns, made of one query for all customers shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy import Select, select

from webapp.charts import spark
from webapp.extensions import db
from webapp.health import CHURNED, WHY_NONE, Grade, trend_word, whole
from webapp.models import Customer, CustomerValues, ScoreDay, SecondOpinion
from webapp.score_sentences import spark_words
from webapp.second_opinions import in_force
from webapp.tenancy import owned

WEEKS = 12
_HEALTH = Markup(
    '<span class="score"><meter min="0" max="100" low="40" high="60" optimum="100" value="{0}"'
    ' aria-label="Health score of {1}">{0}</meter><b>{0}</b><span class="badge"{2}>{3}</span>{4}</span>'
)
_TONE = Markup(' data-tone="{}"')
_NO_SCORE = Markup('<span class="score"><span class="badge">{}</span>{}</span>')
_OPINION = Markup(
    ' <span class="opinion" title="Second opinion: {0}"><span class="sr">Second opinion: </span>{1}</span>'
)
_PLAIN = Markup('<td class="nowrap{}">{}</td>')


@dataclass(frozen=True, slots=True)
class Scored:
    """A customer's score for the list. `weeks`: its scores 12 weeks ago and each week since; none is a gap."""

    score: int | None
    grade: Grade | None
    trend: int | None
    why_none: str
    opinion: Grade | None
    weeks: Sequence[int | None]

    def cells(self, title: str, old: bool) -> Markup:
        """The cells Health, 12 weeks and Trend; `old`: whether what they are made of is not up to date."""
        mark = _OPINION.format(self.opinion.word, int(self.opinion)) if self.opinion else ""
        if self.score is None or self.grade is None:
            word = WHY_NONE[CHURNED] if self.why_none == CHURNED else "No score yet"
            health = _NO_SCORE.format(word, mark)
        else:
            tone = "" if old else _TONE.format(self.grade.tone)
            health = _HEALTH.format(whole(self.score), title, tone, self.grade.word, mark)
        known = any(score is not None for score in self.weeks)
        line = spark(self.weeks, spark_words(self.weeks, WEEKS)) if known else ""
        return Markup("").join(_cell(said, old) for said in (health, line, trend_word(self.trend)))


def _cell(said: str, old: bool) -> Markup:
    return _PLAIN.format(" none" if not said else " muted" if old else "", said or "none")


NO_SCORE_YET = Scored(None, None, None, "", None, ())


def scores_of(customers: Sequence[Customer], today: date) -> dict[str, Scored]:
    """By ChartMogul's uuid, of customers of one provider, in one query however many they are."""
    if not customers:
        return {}
    days = [today - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]
    row = CustomerValues
    columns = row.uuid, row.score, row.grade, row.trend, row.score_state, _opinion(today), *map(ScoreDay.score_on, days)
    these = row.provider_id == customers[0].provider_id, row.uuid.in_([customer.uuid for customer in customers])
    found = {}
    for uuid, score, grade, trend, state, opinion, *weeks in db.session.execute(owned(row, *columns).where(*these)):
        why_none = (state or "").rpartition("|")[2]
        graded, own = (Grade(each) if each else None for each in (grade, opinion))
        found[uuid] = Scored(score, graded, trend, why_none, own, [*weeks, score])
    return found


def _opinion(today: date) -> Any:
    of_customer = (
        SecondOpinion.tenant_id == CustomerValues.tenant_id,
        SecondOpinion.provider_id == CustomerValues.provider_id,
        SecondOpinion.customer_uuid == CustomerValues.uuid,
    )
    newest: Select[Any] = select(SecondOpinion.grade).where(*of_customer, in_force(today))
    return newest.order_by(SecondOpinion.at.desc()).limit(1).correlate(CustomerValues).scalar_subquery()
