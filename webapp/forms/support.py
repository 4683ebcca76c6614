"""What support fills in before it looks at a tenant."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import ValidationError

LONGEST_REASON = 300


class ImpersonationForm(FlaskForm):  # type: ignore[misc]
    reason = StringField("Reason")

    @property
    def words(self) -> str:
        """The reason in one line, as the tenant will read it."""
        return " ".join((self.reason.data or "").split())

    def validate_reason(self, _field: StringField) -> None:
        if not self.words:
            raise ValidationError("Enter a reason. The tenant's admins can read it.")
        if len(self.words) > LONGEST_REASON:
            raise ValidationError(f"Use at most {LONGEST_REASON} characters.")
        if not self.words.isprintable():
            raise ValidationError("Use letters, digits and signs only.")
