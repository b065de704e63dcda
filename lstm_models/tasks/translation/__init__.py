"""Translation: a sentence of one language in another, with the word that each word came from."""
