"""What is told to the apps above when it changes whose ballots count."""

from django.dispatch import Signal

# Sent after commit: some voters were excluded, or taken back in.
standing_changed = Signal()
