"""The demo as a Hugging Face Space.

Run: python app.py
"""

import os

from lstm_apps.demo import launch

OPTIONS = {
    "host": os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"),
    "port": int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
    "trusted_proxy": "10.0.0.0/8,127.0.0.1",  # what stands before a Space
    "frames": "https://huggingface.co",  # whose page shows the Space in a frame
    "max_size": 32,
}

if __name__ == "__main__":
    launch(**OPTIONS)
