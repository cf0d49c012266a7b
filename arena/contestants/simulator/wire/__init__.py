"""How each protocol writes what it has to say: values in, bytes out."""
