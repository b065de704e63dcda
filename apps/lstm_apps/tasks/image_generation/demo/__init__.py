"""The image generation tab of the demo."""
