"""What `bin/bench` runs: imports against the simulator, beside a floor measured in the same run; and `faults`, which
kills processes while imports run."""
