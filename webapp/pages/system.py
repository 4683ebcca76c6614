"""What a supervisor asks: does the process live, and can it work."""

from flask import Blueprint, jsonify
from flask.wrappers import Response
from redis.exceptions import RedisError
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from webapp import credentials, queue
from webapp.extensions import db
from webapp.gate import public

blueprint = Blueprint("system", __name__)


@blueprint.get("/healthz")
@public
def show_health() -> Response:
    return jsonify(ok=True)


@blueprint.get("/readyz")
@public
def show_readiness() -> tuple[Response, int]:
    """Whether database, queue and secret store answer; 503 names the ones that do not."""
    answers = {"database": _database(), "queue": _queue(), "secret_store": _secret_store()}
    return jsonify(answers), 200 if all(answers.values()) else 503


def _database() -> bool:
    try:
        return db.session.scalar(select(literal(1))) == 1
    except SQLAlchemyError:
        return False


def _queue() -> bool:
    try:
        return bool(queue.redis().ping())
    except RedisError:
        return False


def _secret_store() -> bool:
    try:
        credentials.store().check()
    except credentials.SecretStoreDown:
        return False
    return True
