"""The worker: imports `webapp`, and is never imported by it."""
