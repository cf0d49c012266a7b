"""Ballots into ratings."""
