"""Characters, words and spellings."""
