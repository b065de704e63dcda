"""Films with sentences: published data sets, one's own, and films made of photos."""
