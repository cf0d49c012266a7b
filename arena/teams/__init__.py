"""Who votes: people, teams, voters."""
