"""Files that are no pictures, or damaged ones, end in a sentence."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from lstm_models.errors import InputError
from lstm_models.io.images import open_image
from tests.helpers.pictures import encoded, message_for, quarters


class TestFilesThatAreNotPictures:
    def test_missing(self, tmp_path: Path):
        assert message_for(tmp_path / "no.jpg") == f"{tmp_path / 'no.jpg'} does not exist."
        assert "does not exist" in message_for(tmp_path / "no" / "no.jpg")

    def test_a_link_to_nothing(self, tmp_path: Path):
        (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
        assert "is a link to a file that does not exist" in message_for(tmp_path / "a.jpg")

    def test_a_loop_of_links_and_a_file_as_a_folder(self, tmp_path: Path):
        (tmp_path / "a.jpg").symlink_to(tmp_path / "a.jpg")
        assert "cannot be read" in message_for(tmp_path / "a.jpg")
        (tmp_path / "file").touch()
        assert "not a directory" in message_for(tmp_path / "file" / "a.jpg")

    def test_a_folder(self, tmp_path: Path):
        assert "is a folder" in message_for(tmp_path)

    def test_nothing_in_it(self, tmp_path: Path):
        (tmp_path / "a.jpg").touch()
        assert "is empty" in message_for(tmp_path / "a.jpg")
        assert "is empty" in message_for(b"")

    def test_an_empty_name_a_zero_byte_and_a_long_name(self):
        with pytest.raises(InputError, match="is empty") as error:
            open_image("")
        assert error.value.exit_code == 2
        assert "is not the name of a file" in message_for("a\0b.jpg")
        assert "cannot be read" in message_for("a" * 300 + ".jpg")

    def test_a_pipe_a_device_and_a_socket(self, tmp_path: Path, monkeypatch):
        os.mkfifo(tmp_path / "pipe.jpg")
        assert "not an ordinary file" in message_for(tmp_path / "pipe.jpg")
        assert "not an ordinary file" in message_for("/dev/zero")
        monkeypatch.chdir(tmp_path)  # the name of a socket must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s.jpg")
            assert "not an ordinary file" in message_for("s.jpg")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_without_permission(self, tmp_path: Path):
        (tmp_path / "a.png").write_bytes(encoded(quarters()))
        (tmp_path / "a.png").chmod(0)
        assert "permission denied" in message_for(tmp_path / "a.png")

    @pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
    def test_a_disk_that_refuses(self, tmp_path: Path, monkeypatch, error):
        def refuse(*_: object, **__: object) -> None:
            raise error

        (tmp_path / "a.png").write_bytes(encoded(quarters()))
        monkeypatch.setattr("builtins.open", refuse)
        assert error.strerror.lower() in message_for(tmp_path / "a.png")

    @pytest.mark.parametrize(
        "address",
        ["https://example.org/a.jpg", "file:///a.jpg", "s3://bucket/a.jpg", "data:image/png;base64," + "A" * 999],
    )
    def test_an_address(self, address):
        sentence = message_for(address)
        assert "nothing is fetched from the network" in sentence
        assert len(sentence) < 300

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_cut_off(self, tmp_path: Path, format_, share):
        if format_ == "JPEG":
            share /= 3  # of one whose end alone is missing, the rest is shown
        noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), format_)
        path = tmp_path / "cut"
        path.write_bytes(data[: int(len(data) * share)])
        sentence = message_for(path)
        assert sentence.startswith(f"{path} ")
        assert "damaged" in sentence

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO", "MPO"])
    def test_damage_anywhere_gives_a_picture_or_a_sentence(self, format_):
        data = encoded(quarters(), format_)
        generator = np.random.default_rng(7)
        sentences = set()
        for _ in range(60):
            broken = bytearray(data)
            for at in generator.integers(0, len(data), 4):
                broken[at] = generator.integers(0, 256)
            try:
                assert open_image(bytes(broken)).mode == "RGB"
            except InputError as error:
                sentences.add(str(error))
        assert all(sentence.startswith("The picture ") for sentence in sentences)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"Dear reader,\nthis is a letter.\n", "is a text file"),
            ("naïve café".encode() * 999, "is a text file"),
            (b"\xff\xd8\xff\xe0 no more", "begins as a JPEG picture, but it is damaged or cut off"),
            (b"\x89PNG\r\n\x1a\n", "begins as a PNG picture"),
            (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
            (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="a"></svg>', "is an SVG drawing"),
            (b"<!DOCTYPE html><p>404", "is a web page"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture, which is not read here; save it as JPEG"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "is a HEIC picture"),
            (b"\0\0\0\x18ftypavif", "is an AVIF picture"),
            (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "is a video"),
            (b"\x1aE\xdf\xa3\x01\0\0\0", "is a video"),
            (b"RIFF\x10\0\0\0AVI LIST", "is a video"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "is a sound file"),
            (b"\xff\x0a\xfa\x7f\x01", "is a JPEG XL picture"),
            (b"%PDF-1.7\n", "is a PDF"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a PostScript file"),
            (b"8BPS\0\1", "is a Photoshop file"),
            (b"PK\x03\x04\x14\0", "is an archive"),
            (b"II*\0\x10\0\0\0CR\2\0", "is a TIFF file that cannot be read"),
            (bytes(5000), "nothing but zero bytes"),
            (b"\x13\x37\x80\x81\x82 binary \0 something", "damaged, or of an unknown format"),
        ],
    )
    def test_other_files_are_told_apart(self, tmp_path: Path, data, said):
        path = tmp_path / "photo.jpg"
        path.write_bytes(data)
        assert said in message_for(path)
        assert message_for(data) == message_for(path).replace(str(path), "The picture")

    def test_no_postscript_is_run(self, monkeypatch):
        """Pillow hands EPS to Ghostscript: this must not come so far."""
        monkeypatch.setattr(subprocess, "check_call", lambda *_, **__: pytest.fail("a program was started"))
        data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
        assert "PostScript" in message_for(data)

    def test_not_enough_memory(self, monkeypatch):
        def hungry(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr(ImageFile.ImageFile, "load", hungry)
        assert "not enough memory" in message_for(encoded(quarters()))
