"""Models for other programs: ONNX.

>>> from lstm_models.export import export_onnx
"""

from lstm_models.export.onnx import export_onnx as export_onnx
