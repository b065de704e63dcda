"""The LSTM and the other parts networks are made of.

After a fork a child computes with one thread: the threads of OpenMP do not come along, and torch waits for them for
ever (gunicorn --preload, Celery, multiprocessing on Linux).
"""

import os
import sys


def _one_thread() -> None:
    if torch := sys.modules.get("torch"):  # this package by itself does not import it
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_one_thread)
