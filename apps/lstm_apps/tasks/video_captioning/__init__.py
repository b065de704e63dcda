"""Video to text on the command line and in the demo."""
