"""What evaluations of several tasks share."""
