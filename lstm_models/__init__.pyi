# The public names: read by type checkers, and by lazy_loader when a name is first used.
import os
import typing

import torch

import lstm_models.ngram.model as _ngram

from .analysis.gates import gate_activations as gate_activations
from .analysis.gradient_flow import gradient_flow as gradient_flow
from .analysis.gradient_flow import plot_gradient_flow as plot_gradient_flow
from .checkpoints.hub import available as available

# lazy_loader finds load here; its types stand below
from .checkpoints.hub import load as _load  # noqa: F401
from .checkpoints.hub import push as push
from .checkpoints.hub import save as save
from .errors import InputError as InputError
from .ink.drawing import Drawing as Drawing
from .ink.page import Page as Page
from .ink.page import PageOptions as PageOptions
from .ink.plotter import PlotterOptions as PlotterOptions
from .ink.verdict import Verdict as Verdict
from .nn.dropout import Dropout as Dropout
from .nn.lstm import LSTM as LSTM
from .nn.lstm import LSTMState as LSTMState
from .results import Word as Word
from .tasks.captioning.config import CaptionerConfig as CaptionerConfig
from .tasks.captioning.decoding import CaptionOptions as CaptionOptions
from .tasks.captioning.model import Captioner as Captioner
from .tasks.captioning.results import Caption as Caption
from .tasks.handwriting.config import WriterConfig as WriterConfig
from .tasks.handwriting.decoding import WriteOptions as WriteOptions
from .tasks.handwriting.model import HandwritingWriter as HandwritingWriter
from .tasks.handwriting.styles import Style as Style
from .tasks.handwriting_reader.config import HandwritingReaderConfig as HandwritingReaderConfig
from .tasks.handwriting_reader.decoding import ReadOptions as ReadOptions
from .tasks.handwriting_reader.model import HandwritingReader as HandwritingReader
from .tasks.handwriting_reader.results import Reading as Reading
from .tasks.image_generation.config import ImageGeneratorConfig as ImageGeneratorConfig
from .tasks.image_generation.decoding import CompleteOptions as CompleteOptions
from .tasks.image_generation.model import ImageGenerator as ImageGenerator
from .tasks.image_generation.results import GeneratedImage as GeneratedImage
from .tasks.image_generation.scene_layout import SceneLayoutConfig as SceneLayoutConfig
from .tasks.image_generation.sentence_model import SentenceImageGenerator as SentenceImageGenerator
from .tasks.language_modeling.adaptation import AdaptOptions as AdaptOptions
from .tasks.language_modeling.config import LanguageModelConfig as LanguageModelConfig
from .tasks.language_modeling.model import LanguageModel as LanguageModel
from .tasks.language_modeling.results import Completion as Completion
from .tasks.language_modeling.results import ScoredText as ScoredText
from .tasks.language_modeling.results import ScoredWord as ScoredWord
from .tasks.punctuation.config import PunctuatorConfig as PunctuatorConfig
from .tasks.punctuation.decoding import PunctuateOptions as PunctuateOptions
from .tasks.punctuation.model import Punctuator as Punctuator
from .tasks.punctuation.results import PunctuatedText as PunctuatedText
from .tasks.question_answering.config import QuestionAnswererConfig as QuestionAnswererConfig
from .tasks.question_answering.decoding import AnswerOptions as AnswerOptions
from .tasks.question_answering.model import QuestionAnswerer as QuestionAnswerer
from .tasks.question_answering.results import Answer as Answer
from .tasks.question_answering.stories import StoryAnswerer as StoryAnswerer
from .tasks.speech.config import RecognizerConfig as RecognizerConfig
from .tasks.speech.decoding import TranscribeOptions as TranscribeOptions
from .tasks.speech.model import Recognizer as Recognizer
from .tasks.speech.results import Transcript as Transcript
from .tasks.tagging.config import TaggerConfig as TaggerConfig
from .tasks.tagging.model import Tagger as Tagger
from .tasks.tagging.results import TaggedText as TaggedText
from .tasks.translation.config import TranslatorConfig as TranslatorConfig
from .tasks.translation.decoding import TranslateOptions as TranslateOptions
from .tasks.translation.model import Translator as Translator
from .tasks.translation.results import Translation as Translation
from .tasks.video_captioning.config import VideoCaptionerConfig as VideoCaptionerConfig
from .tasks.video_captioning.decoding import VideoCaptionOptions as VideoCaptionOptions
from .tasks.video_captioning.model import VideoCaptioner as VideoCaptioner
from .tasks.video_captioning.results import Scene as Scene
from .tasks.video_captioning.results import VideoCaption as VideoCaption
from .tasks.video_prediction.config import VideoPredictorConfig as VideoPredictorConfig
from .tasks.video_prediction.model import VideoPredictor as VideoPredictor
from .tasks.video_prediction.results import Forecast as Forecast
from .version import __version__ as __version__

__all__: list[str]

_Device = str | torch.device | None

@typing.overload
def load(
    source: typing.Literal["captioner"], *, device: _Device = None, revision: None = None, local_files_only: bool = True
) -> Captioner: ...
@typing.overload
def load(
    source: typing.Literal["image-generator"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> ImageGenerator: ...
@typing.overload
def load(
    source: typing.Literal["image-generator-sentences"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> SentenceImageGenerator: ...
@typing.overload
def load(
    source: typing.Literal["language-model"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> LanguageModel: ...
@typing.overload
def load(
    source: typing.Literal["punctuator"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> Punctuator: ...
@typing.overload
def load(
    source: typing.Literal["reader"], *, device: _Device = None, revision: None = None, local_files_only: bool = True
) -> HandwritingReader: ...
@typing.overload
def load(
    source: typing.Literal["recognizer"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> Recognizer: ...
@typing.overload
def load(
    source: typing.Literal["tagger"], *, device: _Device = None, revision: None = None, local_files_only: bool = True
) -> Tagger: ...
@typing.overload
def load(
    source: typing.Literal["translator-en-de"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> Translator: ...
@typing.overload
def load(
    source: typing.Literal["translator-en-fr"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> Translator: ...
@typing.overload
def load(
    source: typing.Literal["question-answerer"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> QuestionAnswerer: ...
@typing.overload
def load(
    source: typing.Literal["story-answerer"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> StoryAnswerer: ...
@typing.overload
def load(
    source: typing.Literal["video-captioner"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> VideoCaptioner: ...
@typing.overload
def load(
    source: typing.Literal["video-predictor"],
    *,
    device: _Device = None,
    revision: None = None,
    local_files_only: bool = True,
) -> VideoPredictor: ...
@typing.overload
def load(
    source: typing.Literal["words"], *, device: _Device = None, revision: None = None, local_files_only: bool = True
) -> _ngram.NGram: ...
@typing.overload
def load(
    source: typing.Literal["writer"], *, device: _Device = None, revision: None = None, local_files_only: bool = True
) -> HandwritingWriter: ...
@typing.overload
def load(
    source: str | os.PathLike[str],
    *,
    device: _Device = None,
    revision: str | None = None,
    local_files_only: bool = True,
) -> typing.Any: ...
