"""ChartMogul: client (asks), records (what an answer means), fields (what it offers a property)."""
