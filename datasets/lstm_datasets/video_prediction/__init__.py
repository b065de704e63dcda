"""Data of video prediction: Moving MNIST made on the fly, folders of films."""
