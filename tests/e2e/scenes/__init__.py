"""Every page in every state worth looking at."""

from tests.e2e.scenes import (
    account,
    customers,
    dashboard,
    health_scores,
    imports,
    properties,
    scores,
    settings,
    support,
)
from tests.e2e.scenes.stage import SCENES, Scene

__all__ = [
    "SCENES",
    "Scene",
    "account",
    "customers",
    "dashboard",
    "health_scores",
    "imports",
    "properties",
    "scores",
    "settings",
    "support",
]
