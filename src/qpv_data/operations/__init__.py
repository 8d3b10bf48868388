"""What the engineer on call needs: events and measures of each run, its state, its diagnosis, its notifications."""
