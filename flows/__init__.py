"""flows: which stage runs when, the command line, deployments."""
