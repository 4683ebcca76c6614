"""What people type on the customers' pages."""

from flask_wtf import FlaskForm
from wtforms import StringField


class ValueForm(FlaskForm):  # type: ignore[misc]
    """A value, as typed; what it has to look like depends on the property's type."""

    value = StringField()


class ViewForm(FlaskForm):  # type: ignore[misc]
    """A view of the list: its name, the list's address, and the view that was open."""

    name = StringField("Name")
    query = StringField()
    view = StringField()


class OpinionForm(FlaskForm):  # type: ignore[misc]
    """A second opinion, as typed; see webapp.second_opinions."""

    grade = StringField("Grade")
    reason = StringField("Reason")
    expires_on = StringField("Ends on")
