"""How a user wants the notices of each kind."""

from flask_wtf import FlaskForm
from wtforms import SelectField

from webapp.models import NoticeKind
from webapp.notices import WAYS


class ChoiceForm(FlaskForm):  # type: ignore[misc]
    """A way for each kind; the fields are called as the kinds."""


for _kind in NoticeKind:
    setattr(ChoiceForm, _kind.value, SelectField(choices=list(WAYS.items())))
