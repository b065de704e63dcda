"""Question answering: where a text says what a question asks for, and how sure that is."""
