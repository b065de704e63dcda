"""Data of question answering: SQuAD's paragraphs with questions, bAbI's stories."""
