"""Who answers: the catalogue, and the wire to each model server."""
