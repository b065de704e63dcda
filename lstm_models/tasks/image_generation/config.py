"""Settings of an image generator."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least

__all__ = ["ImageGeneratorConfig"]


@dataclass(frozen=True)
class ImageGeneratorConfig:
    """Sizes of the network, and the kinds of images it draws.

    Attributes:
        labels: names of the kinds, set apart by blanks, such as "0 1 2"; taken from the data if empty.
        image_size: pixels of a side.
        glimpses: steps in which an image is drawn.
        read_size: filters of the reading window in each direction.
        write_size: filters of the writing window in each direction.
        latent_size: numbers drawn at each step.
        encoder_size: units of the LSTM that looks at an image.
        decoder_size: units of the LSTM that draws one.
        label_dropout: fraction of training images whose kind the network does not get, so that it learns to draw any.
    """

    labels: str = ""
    image_size: int = 28
    glimpses: int = 16
    read_size: int = 6
    write_size: int = 8
    latent_size: int = 24
    encoder_size: int = 256
    decoder_size: int = 256
    label_dropout: float = 0.1

    def __post_init__(self) -> None:
        check_at_least(
            self, 1, "image_size", "glimpses", "read_size", "write_size", "latent_size", "encoder_size", "decoder_size"
        )
        if self.image_size < 2:
            raise ValueError("model: image_size must be at least 2")
        if not 0 <= self.label_dropout <= 1:
            raise ValueError(f"model: label_dropout must be from 0 to 1, not {self.label_dropout}")
        if len(set(self.names)) < len(self.names) or "any" in self.names:
            raise ValueError(f"model: labels must differ, and none may be “any”: {self.labels}")

    @property
    def names(self) -> list[str]:
        """Names of the kinds."""
        return self.labels.split()
