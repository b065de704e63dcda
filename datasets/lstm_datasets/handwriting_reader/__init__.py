"""Lines of handwriting as a reader takes them."""
