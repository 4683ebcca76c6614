"""Handing over an API key, and setting up what is done with it."""

import re

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import ValidationError

from webapp import credentials
from webapp.models import Provider

SHORTEST, LONGEST = 8, 200
HOURS = re.compile(r"[0-9]{1,3}")
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def why_no_key(text: str) -> str | None:
    """What is wrong with a text as an API key, as far as can be told without asking ChartMogul."""
    if not text:
        return "Enter the API key."
    if credentials.looks_masked(text):
        return "This is the masked preview, not the key. Paste the whole key from ChartMogul."
    if len(text) > LONGEST:
        return "This is too long for an API key. Paste the key alone."
    if not text.isascii():
        return "This has characters that no API key has. Copy the key from ChartMogul again."
    if not text.isprintable() or " " in text:
        return "This has blanks or line breaks inside. Paste the key in one piece."
    if len(text) < SHORTEST:
        return "This is too short for an API key. Paste the whole key."
    return None


class KeyForm(FlaskForm):  # type: ignore[misc]
    """The one field of the connect form. Its value is never written into a page."""

    api_key = PasswordField("API key")
    # The account that the person was asked about and said yes to.
    account_confirmed = HiddenField()

    @property
    def key(self) -> str:
        """The key without the blanks that copying leaves around it."""
        return (self.api_key.data or "").strip()

    def validate_api_key(self, _field: PasswordField) -> None:
        problem = why_no_key(self.key)
        if problem:
            raise ValidationError(problem)


class SetUpForm(FlaskForm):  # type: ignore[misc]
    """When imports run, and what they bring."""

    schedule = StringField()
    every_hours = StringField()
    daily_at = StringField()
    import_leads = BooleanField()

    @classmethod
    def of(cls, provider: Provider) -> "SetUpForm":
        """The form as sent; before that, what the connection had the last time."""
        return cls(
            schedule="daily" if provider.daily_at else "hours",
            every_hours=str(provider.every_hours or 24),
            daily_at=provider.daily_at or "06:00",
            import_leads=provider.import_leads,
        )

    @property
    def hours(self) -> int | None:
        return int(self.every_hours.data or 0) if self.schedule.data == "hours" else None

    @property
    def time_of_day(self) -> str | None:
        return str(self.daily_at.data) if self.schedule.data == "daily" else None

    def validate_schedule(self, field: StringField) -> None:
        if not field.raw_data or field.data not in ("hours", "daily"):
            raise ValidationError("Choose when imports run.")

    def validate_every_hours(self, field: StringField) -> None:
        if self.schedule.data != "hours":
            return
        sent = field.data or ""
        if not HOURS.fullmatch(sent) or not 1 <= int(sent) <= 168:
            raise ValidationError("Enter a whole number of hours from 1 to 168.")

    def validate_daily_at(self, field: StringField) -> None:
        if self.schedule.data == "daily" and not TIME_OF_DAY.fullmatch(field.data or ""):
            raise ValidationError("Enter a time of day as HH:MM, for example 06:00.")
