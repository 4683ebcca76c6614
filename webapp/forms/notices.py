"""How a user wants the notices of each kind."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf

from webapp.notices import Way

_WAYS = AnyOf([way.value for way in Way])


class ChoiceForm(FlaskForm):  # type: ignore[misc]
    """A way for each kind; the fields are called as the kinds."""

    score_fell = StringField(validators=[_WAYS])
    import_failing = StringField(validators=[_WAYS])
    data_stale = StringField(validators=[_WAYS])
