"""What people say: ballots and verdicts."""
