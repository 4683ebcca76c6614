"""ChartMogul's recorded answers, and records made of them with changes."""

import json
from pathlib import Path
from typing import Any

from webapp.chartmogul.records import (
    CustomerRecord,
    MovementRecord,
    parse_customer,
    parse_movement,
)

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def recorded_customers() -> list[Any]:
    pages = [sample(path.stem)["entries"] for path in sorted(SAMPLES.glob("customers_*.json"))]
    singles = [sample(path.stem) for path in sorted(SAMPLES.glob("customer_*.json"))]
    return [entry for page in pages for entry in page] + [one for one in singles if "chartmogul-url" in one]


CUSTOMER = sample("customers_page1")["entries"][0]
MOVEMENT = sample("activities_page1")["entries"][0]


def customer(**changes: Any) -> CustomerRecord:
    return parse_customer({**CUSTOMER, **{key.replace("__", "-"): value for key, value in changes.items()}})


def movement(**changes: Any) -> MovementRecord:
    return parse_movement({**MOVEMENT, **{key.replace("__", "-"): value for key, value in changes.items()}})
