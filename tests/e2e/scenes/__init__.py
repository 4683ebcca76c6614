"""Every page in every state worth looking at."""

from tests.e2e.scenes import account, customers, dashboard, imports, properties, settings, support
from tests.e2e.scenes.stage import SCENES, Scene

__all__ = ["SCENES", "Scene", "account", "customers", "dashboard", "imports", "properties", "settings", "support"]
