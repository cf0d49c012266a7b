"""What voting tells the apps above it."""

from django.dispatch import Signal

# Sent after commit, with `ballot`: a Ballot that is in the database.
ballot_cast = Signal()
