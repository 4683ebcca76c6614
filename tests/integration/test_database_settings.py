"""What every connection to the database is set to."""

from sqlalchemy import text

from tests.conftest import make_settings
from webapp import create_app
from webapp.extensions import db


def test_sqlite_has_many_readers_beside_one_writer_for_pages_and_for_jobs(tmp_path):
    for for_jobs, mapped in ((False, True), (True, False)):
        with create_app(make_settings(tmp_path), for_jobs=for_jobs).app_context(), db.engine.connect() as connection:
            names = ("journal_mode", "busy_timeout", "foreign_keys", "synchronous", "mmap_size", "cache_size")
            found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in names}

            assert found.pop("mmap_size", 0) == (2_000_000_000 if mapped else 0)
            assert found.pop("cache_size") == (-2_000 if mapped else -8_000)
            assert found == {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1, "synchronous": 1}
