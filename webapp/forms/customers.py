"""What people type on the customers' pages."""

from flask_wtf import FlaskForm
from wtforms import StringField


class ValueForm(FlaskForm):  # type: ignore[misc]
    """A value, as typed; what it has to look like depends on the property's type."""

    value = StringField()
