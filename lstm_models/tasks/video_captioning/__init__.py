"""Video to text: films described scene by scene, with times."""
