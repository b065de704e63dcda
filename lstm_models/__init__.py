"""LSTM models for handwriting and other sequences people make, with their weights inside.

>>> import lstm_models
>>> writer = lstm_models.load("writer")
>>> writer.write("Dear reader,", seed=1).save("letter.svg")

The public names are those of ``__init__.pyi``, each with the module it lives in. A name is imported when first used, so
``import lstm_models`` costs nothing; the first model or layer brings in torch and numpy, and only what needs more
(pictures, plots, checkpoints) imports more.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
