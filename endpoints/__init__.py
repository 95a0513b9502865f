"""endpoints: what answers requests, and the servers and child processes behind it."""
