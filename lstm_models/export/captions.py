"""What captioners of photos and of films share as ONNX: the image network, and sentences over what was seen.

- The image network is traced; the decoder is written out as a ``Scan`` over the words, so that sentences and words are
  free in number.
- Given words are followed and scored; where none is given the likeliest comes, so that the same graph writes, goes on
  with a beginning, and says how probable a sentence is, as beam search needs it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.export.onnx import Graph, add_step
from lstm_models.export.traced import add_traced
from lstm_models.nn.attention_decoder import TopDownDecoder
from lstm_models.text.vocabulary import END, UNKNOWN

if TYPE_CHECKING:
    from lstm_models.nn.attention_decoder import SingleDecoder
    from lstm_models.nn.image_encoder import ImageEncoder

__all__ = ["Spoken", "add_grids", "add_sentences", "embedded", "sentence_outputs"]


class Spoken(NamedTuple):
    """A decoder with its words: their vectors ``words`` [vocabulary, word], shared with the ``output`` layer, and the
    ``bias`` [vocabulary]."""

    decoder: TopDownDecoder | SingleDecoder
    words: Tensor
    output: nn.Linear
    bias: Tensor


class _Grids(nn.Module):
    """A captioner's image network, for the trace."""

    def __init__(self, encoder: ImageEncoder, project: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList([encoder.trunk, encoder, project])

    def forward(self, pixels: Tensor) -> Tensor:
        for part in self.parts:
            pixels = part(pixels)
        return pixels


def add_grids(graph: Graph, encoder: ImageEncoder, project: nn.Module, free: str) -> str:
    """What is seen [free, places, feature] in the input ``pixels`` [free, 3, size, size]."""
    size = encoder.config.size
    device = next(project.parameters()).device
    given = torch.zeros(1, 3, size, size, device=device)
    add_traced(graph, _Grids(encoder, project).eval(), given, "pixels", "grids", free=free)
    return "grids"


def embedded(graph: Graph, words: str, numbers: str, size: int) -> str:
    """The features of words by their numbers."""
    return str(graph.add("Mul", graph.add("Gather", words, numbers), graph.constant(torch.tensor(math.sqrt(size)))))


def add_sentences(graph: Graph, spoken: Spoken, words: str, places: str, mean: str) -> None:
    """Nodes that make the outputs of `sentence_outputs` of the input ``given`` [sentences, words].

    Args:
        graph: to add to.
        spoken: the decoder.
        words: the name of its words' vectors as a constant.
        places: of what is looked at [places, feature].
        mean: of that [1, feature].
    """
    from onnx import TensorProto, helper

    decoder = spoken.decoder
    keys = graph.linear(places, decoder.attention.key)
    given = graph.add("Transpose", "given", perm=[1, 0])
    sentences = graph.add("Slice", graph.add("Shape", given), *(graph.constant([at]) for at in (1, 2)))
    shape = graph.add("Concat", sentences, graph.constant([decoder.layers[0].hidden_size]), axis=0)
    if isinstance(decoder, TopDownDecoder):
        first = [graph.add("ConstantOfShape", shape)] * 4
    else:
        starts = (graph.add("Tanh", graph.linear(mean, layer)) for layer in (decoder.start_h, decoder.start_c))
        first = [graph.add("Expand", start, shape) for start in starts]
    ends = graph.add("ConstantOfShape", sentences, value=helper.make_tensor("end", TensorProto.INT64, [1], [END]))
    found = graph.add(
        "Scan", ends, *first, given, outputs=len(first) + 4, num_scan_inputs=1,
        body=_step(spoken, words, places, keys, mean, len(first)),
    )  # fmt: skip
    for made, name in zip(found[len(first) + 1 :], ("words", "log_probs", "attention"), strict=True):
        order = [1, 0] if name == "words" else [1, 0, 2]
        graph.nodes.append(helper.make_node("Transpose", [made], [name], perm=order))


def sentence_outputs(vocabulary: int) -> list[Any]:
    """``words`` [sentences, words], ``log_probs`` [sentences, words, vocabulary], ``attention`` [sentences, words,
    places]."""
    from onnx import TensorProto, helper

    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, ["sentences", "words", *shape])

    return [
        value("words", kind=TensorProto.INT64),
        value("log_probs", vocabulary),
        value("attention", "places"),
    ]


def _step(spoken: Spoken, words: str, places: str, keys: str, mean: str, states: int) -> Any:
    """A word as a graph, which sees the words, places, keys and mean of the graph around it."""
    from onnx import TensorProto, helper

    step, decoder = Graph("step_"), spoken.decoder
    names = [f"{kind}{layer}" for layer in range(states // 2) for kind in "hc"]
    word = embedded(step, words, "before", spoken.words.size(1))
    if isinstance(decoder, TopDownDecoder):
        size = step.constant([decoder.attention.key.in_features])
        wide = step.add("Expand", mean, step.add("Concat", step.add("Shape", "before"), size, axis=0))
        h, c = add_step(step, decoder.lower, ["h1", wide, word], "h0", "c0")
        seen, looks = _look(step, decoder, h, places, keys)
        features, upper_c = add_step(step, decoder.upper, [seen, h], "h1", "c1")
        after = [h, c, features, upper_c]
    else:
        seen, looks = _look(step, decoder, "h0", places, keys)
        h, c = add_step(step, decoder.lstm, [seen, word], "h0", "c0")
        features, after = step.add("Concat", h, seen, word, axis=1), [h, c]
    logits = step.add("MatMul", step.linear(features, spoken.output), step.constant(spoken.words.t()))
    log_p = step.add("LogSoftmax", step.add("Add", logits, step.constant(spoken.bias)), axis=1)
    banned = torch.zeros(len(spoken.words))
    banned[UNKNOWN] = -math.inf
    likeliest = step.add("ArgMax", step.add("Add", log_p, step.constant(banned)), axis=1, keepdims=0)
    none = step.add("Less", "word", step.constant([0]))
    chosen = step.add("Where", none, likeliest, "word")

    def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, ["sentences", *shape])

    whole, hidden = TensorProto.INT64, decoder.layers[0].hidden_size
    inputs = [value("before", kind=whole), *(value(name, hidden) for name in names), value("word", kind=whole)]
    made = [value(chosen, kind=whole), *(value(name, hidden) for name in after)]
    made += [value(step.add("Identity", chosen), kind=whole), value(log_p, len(banned)), value(looks, "places")]
    return helper.make_graph(step.nodes, "word", inputs, made, step.constants)


def _look(step: Graph, decoder: TopDownDecoder | SingleDecoder, h: str, places: str, keys: str) -> tuple[str, str]:
    """What hidden states see, gated, and where they look."""
    query = step.add("Unsqueeze", step.linear(h, decoder.attention.query), step.constant([1]))
    scores = step.add("MatMul", step.add("Tanh", step.add("Add", query, keys)),
                      step.constant(decoder.attention.score[:, None]))  # fmt: skip
    looks = step.add("Softmax", step.add("Squeeze", scores, step.constant([2])), axis=1)
    gate = step.add("Sigmoid", step.linear(h, decoder.gate))
    return step.add("Mul", step.add("MatMul", looks, places), gate), looks
