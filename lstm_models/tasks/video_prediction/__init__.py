"""Video prediction: the frames that come next, and how sure each pixel is."""
