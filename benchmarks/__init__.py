"""What `bin/bench` runs: imports against the simulator, beside a floor measured in the same run."""
