"""Text with marks and capitals, for punctuators: readers, and pieces of it as training items."""
