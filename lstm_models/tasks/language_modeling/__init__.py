"""Language modeling: how probable a text is, word for word, and how it goes on."""
