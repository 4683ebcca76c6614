"""Every page in every state worth looking at."""

from tests.e2e.scenes import account, customers, imports, properties, scores, settings, support
from tests.e2e.scenes.stage import SCENES, Scene

__all__ = ["SCENES", "Scene", "account", "customers", "imports", "properties", "scores", "settings", "support"]
