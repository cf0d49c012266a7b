"""How the arena's processes are started, supervised and checked."""
