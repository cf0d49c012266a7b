"""Problems that are really computed. Each solver takes a prompt: a `Solution`, or None if it is not of its kind."""
