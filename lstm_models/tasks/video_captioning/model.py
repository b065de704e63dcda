"""Video to text."""

from lstm_models.tasks.video_captioning.network import VideoCaptionerNetwork


class VideoCaptioner(VideoCaptionerNetwork):
    """stub"""
