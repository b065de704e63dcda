"""Files opened, checked and written safely."""
