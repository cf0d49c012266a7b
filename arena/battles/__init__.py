"""The blind contest: start, stream, reveal."""
