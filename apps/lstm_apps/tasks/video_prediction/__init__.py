"""Video prediction: training, figures, the command ``predict-video``, the demo's tab."""
