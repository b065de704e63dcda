"""The models that a checkpoint can hold: the name in its ``config.json``, and the class.

A new model is one line in `MODELS`.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["MODELS", "model_class"]

# config.json's "model" -> the class; each has `Config` (its dataclass) and is built by `Class(config)`.
MODELS: dict[str, str] = {
    "handwriting-writer": "lstm_models.tasks.handwriting.model:HandwritingWriter",
    "handwriting-reader": "lstm_models.tasks.handwriting_reader.model:HandwritingReader",
    "captioner": "lstm_models.tasks.captioning.model:Captioner",
    "video-captioner": "lstm_models.tasks.video_captioning.model:VideoCaptioner",
    "digit-film-captioner": "lstm_models.tasks.video_captioning.digit_films:DigitFilmCaptioner",
    "recognizer": "lstm_models.tasks.speech.model:Recognizer",
    "punctuator": "lstm_models.tasks.punctuation.model:Punctuator",
    "tagger": "lstm_models.tasks.tagging.model:Tagger",
    "language-model": "lstm_models.tasks.language_modeling.model:LanguageModel",
    "question-answerer": "lstm_models.tasks.question_answering.model:QuestionAnswerer",
    "story-answerer": "lstm_models.tasks.question_answering.stories:StoryAnswerer",
    "translator": "lstm_models.tasks.translation.model:Translator",
    "video-predictor": "lstm_models.tasks.video_prediction.model:VideoPredictor",
    "image-generator": "lstm_models.tasks.image_generation.model:ImageGenerator",
    "sentence-image-generator": "lstm_models.tasks.image_generation.sentence_model:SentenceImageGenerator",
    "ngram": "lstm_models.ngram.model:NGram",
}


def model_class(name: str) -> Any:
    """The class of a registry name; its module is imported now."""
    module, _, attribute = MODELS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
