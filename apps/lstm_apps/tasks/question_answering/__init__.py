"""Question answering: training, figures, the command ``answer``, the demo's tab."""
