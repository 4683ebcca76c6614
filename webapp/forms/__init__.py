"""Flask-WTF forms, one file per page."""
