"""open_image: every kind of picture comes out as the same pixels, every kind of bad input as one sentence.

Run: python -m pytest tests/lstm_models/io/test_images.py"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, ImageOps, features

from lstm_models.errors import InputError
from lstm_models.io import images as media
from lstm_models.io.images import IMAGE_SUFFIXES, list_images, open_image
from tests.helpers.pictures import BLUE, GREEN, GREY, RED, WHITE, encoded, message_for, pixels, quarters


class TestSources:
    def test_a_path_a_string_bytes_an_image_and_arrays_give_the_same(self, tmp_path: Path):
        path = tmp_path / "a.png"
        quarters().save(path)
        array = np.asarray(quarters())
        tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
        data = path.read_bytes()
        for source in (
            path,
            str(path),
            data,
            bytearray(data),
            memoryview(data),
            quarters(),
            array,
            tensor,
            array / 255,
        ):
            assert (pixels(open_image(source)) == array).all()

    def test_the_caller_keeps_their_picture(self):
        mine = quarters()
        open_image(mine).putpixel((0, 0), WHITE)
        assert mine.getpixel((0, 0)) == RED
        array = np.asarray(quarters()).copy()
        open_image(array).putpixel((0, 0), WHITE)
        assert tuple(array[0, 0]) == RED

    def test_another_type_is_a_wrong_call(self):
        with pytest.raises(InputError, match="The picture is a list; give a path") as error:
            open_image([1, 2])  # type: ignore[arg-type]
        assert error.value.exit_code == 2

    def test_pillow_is_not_loaded_by_the_import(self):
        code = "import sys, lstm_models.io.images; assert not {'PIL', 'torch'} & set(sys.modules)"
        root = Path(media.__file__).parents[2]
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(root)})


class TestKinds:
    @pytest.mark.parametrize("turn", range(1, 9))
    def test_exif_orientation(self, turn):
        exif = Image.Exif()
        exif[0x0112] = turn
        data = encoded(quarters(), exif=exif)
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        assert (pixels(open_image(data)) == np.asarray(expected)).all()
        assert (pixels(open_image(Image.open(io.BytesIO(data)))) == np.asarray(expected)).all()
        assert open_image(data).size == ((24, 16) if turn < 5 else (16, 24))

    @pytest.mark.parametrize("turn", [0, 9, 77])
    def test_an_orientation_that_does_not_exist_turns_nothing(self, turn):
        exif = Image.Exif()
        exif[0x0112] = turn
        assert (pixels(open_image(encoded(quarters(), exif=exif))) == np.asarray(quarters())).all()

    def test_broken_exif_is_no_reason_to_refuse_a_photo(self):
        whole = encoded(quarters(), "JPEG", quality=95)
        broken = b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage"
        data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken + whole[2:]
        assert (pixels(open_image(data)) == pixels(open_image(whole))).all()

    def test_transparent_parts_become_white(self):
        clear = quarters("RGBA")
        alpha = Image.new("L", clear.size, 255)
        alpha.paste(0, (0, 0, 12, 8))
        alpha.paste(51, (12, 0, 24, 8))  # a fifth
        clear.putalpha(alpha)
        for data in (encoded(clear), encoded(clear, "TIFF"), clear):
            shown = pixels(open_image(data))
            assert (shown[:8, :12] == WHITE).all()
            assert (shown[:8, 12:] == (204, 255, 204)).all()
            assert (shown[8:, :12] == BLUE).all()

    def test_grey_with_alpha(self):
        image = Image.merge("LA", (Image.new("L", (2, 2), 100), Image.new("L", (2, 2), 0)))
        assert (pixels(open_image(encoded(image))) == 255).all()

    def test_a_palette_with_a_transparent_colour(self):
        image = quarters().quantize(4)
        data = encoded(image, transparency=image.getpixel((0, 0)))
        shown = pixels(open_image(data))
        assert (shown[:8, :12] == WHITE).all()
        assert (shown[8:, :12] == BLUE).all()

    def test_a_palette_with_transparent_bytes(self):
        image = quarters().quantize(4)
        opacity = bytearray(b"\xff" * 4)
        opacity[image.getpixel((0, 0))] = 0
        assert (pixels(open_image(encoded(image, transparency=bytes(opacity))))[:8, :12] == WHITE).all()

    def test_one_colour_of_rgb_and_of_grey_transparent(self):
        assert (pixels(open_image(encoded(quarters(), transparency=RED)))[:8, :12] == WHITE).all()
        grey = Image.new("L", (2, 2), 7)
        assert (pixels(open_image(encoded(grey, transparency=7))) == 255).all()

    @pytest.mark.parametrize("mode", ["1", "L", "P", "PA", "LA", "La", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"])
    def test_every_mode_of_pillow(self, mode):
        base = {"La": "LA", "RGBa": "RGBA"}.get(mode, mode)
        image = quarters(base).convert(mode) if base != mode else quarters(mode)
        colourless = mode in ("1", "L", "LA", "La")
        expected = np.asarray(quarters("1" if mode == "1" else "L" if colourless else "RGB").convert("RGB")).astype(int)
        assert np.abs(pixels(open_image(image)) - expected).max() <= 4

    def test_lab(self):
        white = Image.new("LAB", (1, 1), (255, 128, 128))
        black = Image.new("LAB", (1, 1), (0, 128, 128))
        assert pixels(open_image(white)).min() >= 253
        assert pixels(open_image(black)).max() <= 2

    def test_16_bits_are_scaled_by_the_range_of_their_type(self, tmp_path: Path):
        values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
        for format_ in ("PNG", "TIFF"):
            shown = pixels(open_image(encoded(Image.fromarray(values), format_)))
            assert shown[0, :, 0].tolist() == [0, 1, 128, 255]
        assert pixels(open_image(values))[0, :, 2].tolist() == [0, 1, 128, 255]
        swapped = Image.frombytes("I;16B", (2, 1), b"\xff\xff\x01\x01")
        assert pixels(open_image(swapped))[0, :, 0].tolist() == [255, 1]
        (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n\xff\xff\x01\x01")
        assert pixels(open_image(tmp_path / "a.pgm"))[0, :, 0].tolist() == [255, 1]

    def test_32_bit_integers(self):
        def shown(*values: int) -> list[int]:
            data = encoded(Image.fromarray(np.array([values], dtype=np.int32)), "TIFF")
            return pixels(open_image(data))[0, :, 0].tolist()

        assert shown(0, 100, 255) == [0, 100, 255]
        assert shown(0, 257, 65535) == [0, 1, 255]
        assert shown(0, 2**31 - 1) == [0, 255]
        assert "negative" in message_for(Image.fromarray(np.array([[-1, 2]], dtype=np.int32)))

    def test_floats_in_a_file(self):
        data = encoded(Image.fromarray(np.array([[0, 0.2, 1]], dtype=np.float32)), "TIFF")
        assert pixels(open_image(data))[0, :, 0].tolist() == [0, 51, 255]

    @pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_the_first_frame_of_several(self, format_):
        frames = [Image.new("RGB", (16, 8), color) for color in (RED, GREEN, BLUE)]
        data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        assert Image.open(io.BytesIO(data)).n_frames == 3
        assert np.abs(pixels(open_image(data)) - RED).max() <= 3

    @pytest.mark.parametrize("format_", ["JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF", "JPEG2000", "ICO", "MPO", "QOI"])
    def test_formats(self, format_):
        if format_ == "QOI":  # which Pillow only learnt to write in version 12: every pixel as a tag and RGB
            tagged = b"".join(b"\xfe" + bytes(rgb) for rgb in np.asarray(quarters()).reshape(-1, 3).tolist())
            data = b"qoif" + struct.pack(">IIBB", 24, 16, 3, 0) + tagged + b"\0\0\0\0\0\0\0\1"
        else:
            data = encoded(quarters(), format_)
        image = open_image(data)
        if format_ == "ICO":
            assert image.size[0] <= 24
        else:
            assert np.abs(pixels(image)[[2, 2, 13, 13], [2, 20, 2, 20]] - [RED, GREEN, BLUE, GREY]).max() <= 40

    @pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
    def test_avif(self):
        assert open_image(encoded(quarters(), "AVIF")).size == (24, 16)

    @pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
    def test_odd_shapes(self, size):
        assert open_image(encoded(Image.new("RGB", size))).size == size


class TestSize:
    def test_a_large_file_is_halved_while_both_sides_stay_long_enough(self):
        picture = Image.fromarray(np.full((900, 1300, 3), 200, np.uint8))
        for data in (encoded(picture, "JPEG"), encoded(picture)):
            assert open_image(data, side=450).size == (650, 450)
            assert open_image(data, side=451).size == (1300, 900)
            assert open_image(data, side=112).size in [(163, 113), (162, 112)]
            assert open_image(data, side=None).size == (1300, 900)
            assert open_image(data).size == (1300, 900)

    def test_halving_keeps_the_picture(self):
        smooth = quarters().resize((960, 640), Image.Resampling.BICUBIC)
        for data in (encoded(smooth, "JPEG", quality=95), encoded(smooth)):
            small = open_image(data, side=80)
            assert small.size == (120, 80)
            expected = np.asarray(smooth.reduce(8)).astype(int)
            assert np.abs(pixels(small) - expected).max() <= 12

    def test_what_is_in_memory_keeps_its_size(self):
        assert open_image(np.zeros((300, 300), np.uint8), side=10).size == (300, 300)
        assert open_image(Image.new("RGB", (300, 300)), side=10).size == (300, 300)

    @pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (12_000, 11_000)])
    @pytest.mark.parametrize("kind", ["png", "bmp", "gif", "jpeg"])
    def test_a_bomb_is_refused_by_its_header(self, tmp_path: Path, width, height, kind):
        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        jpeg = bytearray(encoded(quarters(), "JPEG"))
        at = jpeg.index(b"\xff\xc0")
        jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
        gif = bytearray(encoded(quarters(), "GIF"))
        gif[6:10] = struct.pack("<HH", width, height)
        data = {
            "png": b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * 100))
            + chunk(b"IEND", b""),
            "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0),
            "gif": bytes(gif),
            "jpeg": bytes(jpeg),
        }[kind]
        path = tmp_path / f"bomb.{kind}"
        path.write_bytes(data)
        sentence = message_for(path)
        assert sentence.startswith(str(path))
        assert f"{width:,} × {height:,} pixels" in sentence
        assert "128 million" in sentence

    def test_a_bomb_in_memory(self, monkeypatch):
        monkeypatch.setattr("lstm_models.io.pixels.MOST_PIXELS", 99)
        for source in (np.zeros((10, 10), np.uint8), Image.new("L", (10, 10)), torch.zeros(3, 10, 10)):
            assert "10 × 10 pixels" in message_for(source)

    def test_a_file_too_long(self, tmp_path: Path):
        path = tmp_path / "long.png"
        with open(path, "wb") as file:
            file.truncate(media.MOST_BYTES + 1)  # sparse: takes no room
        assert "1.1 GB" in message_for(path)

    def test_a_text_that_inflates(self):
        """A PNG with 256 MB of zeros as its comment."""
        data = encoded(quarters())
        packer = zlib.compressobj(9)
        packed = b"".join([*(packer.compress(bytes(2**20)) for _ in range(256)), packer.flush()])
        body = b"zTXtnote\0\0" + packed
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        assert "PNG picture, but it is damaged" in message_for(data[:33] + chunk + data[33:])


class TestArrays:
    @pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (1, 5, 7)])
    def test_grey(self, shape):
        values = np.arange(35, dtype=np.uint8).reshape(shape)
        for source in (values, torch.from_numpy(values)):
            assert (pixels(open_image(source)) == np.arange(35).reshape(5, 7, 1)).all()

    def test_channels_may_come_first_or_last(self):
        array = np.asarray(quarters())
        for source in (array, array.transpose(2, 0, 1), torch.tensor(array), torch.tensor(array).permute(2, 0, 1)):
            assert (pixels(open_image(source)) == array).all()

    def test_where_both_could_be_meant_the_library_decides(self):
        values = np.zeros((3, 5, 3), np.uint8)
        assert open_image(values).size == (5, 3)
        assert open_image(torch.from_numpy(values)).size == (3, 5)

    def test_alpha_is_laid_on_white(self):
        values = np.zeros((2, 2, 4), np.uint8)
        assert (pixels(open_image(values)) == 255).all()
        values[..., 3] = 255
        assert (pixels(open_image(values)) == 0).all()

    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
    def test_floats_up_to_one_and_up_to_255(self, kind):
        assert pixels(open_image(np.array([[0, 0.2, 1]], dtype=kind)))[0, :, 0].tolist() == [0, 51, 255]
        assert pixels(open_image(np.array([[0, 51.4, 255]], dtype=kind)))[0, :, 0].tolist() == [0, 51, 255]

    def test_a_hair_outside_is_clipped(self):
        assert pixels(open_image(np.array([[-1e-4, 1.0005]])))[0, :, 0].tolist() == [0, 255]

    def test_bool_bfloat16_and_a_tensor_with_a_gradient(self):
        assert pixels(open_image(np.array([[False, True]])))[0, :, 0].tolist() == [0, 255]
        assert pixels(open_image(torch.ones(3, 2, 2, dtype=torch.bfloat16))).min() == 255
        assert pixels(open_image(torch.ones(3, 2, 2, requires_grad=True))).min() == 255

    def test_a_view_with_strides(self):
        array = np.asarray(quarters())
        assert (pixels(open_image(array[::-1, ::2])) == array[::-1, ::2]).all()

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            (np.zeros((0, 4, 3), np.uint8), r"no pixels: its shape is \[0, 4, 3\]"),
            (np.zeros((4, 0), np.uint8), "no pixels"),
            (np.zeros(5, np.uint8), r"shape \[5\]"),
            (np.zeros((), np.uint8), r"shape \[\]"),
            (np.zeros((5, 6, 2), np.uint8), r"shape \[5, 6, 2\]"),
            (np.zeros((1, 3, 5, 6), np.uint8), r"one by one"),
            (np.array([[0, np.nan]]), "not finite"),
            (np.array([[0, np.inf]]), "not finite"),
            (np.array([[-2.1, 2.6]]), r"from -2.1 to 2.6"),
            (np.array([[0, 1.4]]), r"from 0 to 1.4"),
            (np.array([[0, 300.0]]), r"from 0 to 300"),
            (np.zeros((2, 2), np.int64), "array of int64"),
            (np.zeros((2, 2), np.complex64), "array of complex64"),
            (np.array([["a"]]), "array of <U1"),
            (np.array([[None]]), "array of object"),
        ],
    )
    def test_what_is_no_picture(self, values, said):
        with pytest.raises(InputError, match=said):
            open_image(values)
        message_for(values)

    def test_a_tensor_of_whole_numbers(self):
        assert "int64" in message_for(torch.zeros(3, 4, 4, dtype=torch.int64))


class TestNames:
    def test_the_name_stands_for_the_path(self, tmp_path: Path):
        path = tmp_path / "upload-4711.tmp"
        path.write_bytes(b"text")
        for source in (path, tmp_path, tmp_path / "no", b"text", np.zeros(3)):
            sentence = message_for(source, name="holiday.jpg")
            assert sentence.startswith("holiday.jpg ")
            assert str(tmp_path) not in sentence

    def test_a_name_that_is_not_text_or_has_a_line_break(self, tmp_path: Path):
        odd = os.fsdecode(os.fsencode(str(tmp_path)) + b"/a\xff\n\x1b[31m.jpg")
        sentence = message_for(odd)
        sentence.encode("utf-8")  # a terminal can show it
        assert "\x1b" not in sentence

    def test_a_name_that_is_not_text_is_opened_all_the_same(self, tmp_path: Path):
        path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/a\xff.png")
        Path(path).write_bytes(encoded(quarters()))
        assert open_image(path).size == (24, 16)


class TestPillowIsLeftAsItWas:
    def test_its_settings_and_the_warning_filters(self):
        before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
        open_image(encoded(quarters(), "JPEG"))
        message_for(b"\x89PNG\r\n\x1a\n")
        assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before

    def test_its_warnings_are_not_shown_and_others_are(self, monkeypatch):
        load = ImageFile.ImageFile.load

        def noisy(self: ImageFile.ImageFile) -> object:
            warnings.warn_explicit("corrupt EXIF", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
            warnings.warn("mine", UserWarning, stacklevel=1)
            return load(self)

        monkeypatch.setattr(ImageFile.ImageFile, "load", noisy)
        with pytest.warns(UserWarning, match="mine") as seen:
            open_image(encoded(quarters()))
        assert {str(warning.message) for warning in seen} == {"mine"}

    def test_several_threads_restore_the_filters(self):
        before = list(warnings.filters)
        data = encoded(quarters().resize((400, 300)), "JPEG")
        together = threading.Barrier(8)

        def work() -> None:
            together.wait()
            for _ in range(20):
                open_image(data)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(warnings.filters) == before


class TestListImages:
    def test_natural_order_known_suffixes_and_no_hidden_files(self, tmp_path: Path):
        for name in ("10.jpg", "2.JPG", "a.webp", "B.png", "c.HEIC", "notes.txt", "._2.jpg", ".hidden.png", "noname"):
            (tmp_path / name).touch()
        (tmp_path / "folder.jpg").mkdir()
        assert [path.name for path in list_images(tmp_path)] == ["2.JPG", "10.jpg", "a.webp", "B.png", "c.HEIC"]
        assert list_images(str(tmp_path))[0] == tmp_path / "2.JPG"

    def test_inner_folders_only_when_asked(self, tmp_path: Path):
        for name in ("b/2.jpg", "b/10.jpg", "a.jpg", ".git/x.jpg", "c/d/e.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        (tmp_path / "c" / "loop").symlink_to(tmp_path)
        assert [path.name for path in list_images(tmp_path)] == ["a.jpg"]
        found = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path, recursive=True)]
        assert found == ["a.jpg", "b/2.jpg", "b/10.jpg", "c/d/e.png"]

    def test_digits_of_other_scripts_and_mixed_names(self, tmp_path: Path):
        names = ["1.jpg", "a1.jpg", "٣.jpg", "²a.jpg", "1a.jpg", "a.jpg"]
        for name in names:
            (tmp_path / name).touch()
        assert {path.name for path in list_images(tmp_path)} == set(names)

    def test_what_cannot_be_listed(self, tmp_path: Path):
        (tmp_path / "a.txt").touch()
        for folder, said in [
            (tmp_path / "no", "does not exist"),
            (tmp_path / "a.txt", "is not a folder"),
            (tmp_path, "has no pictures"),
            ("a\0b", "cannot be read|does not exist"),
            ("a" * 300, "cannot be read|does not exist"),
        ]:
            with pytest.raises(InputError, match=said):
                list_images(folder)

    def test_the_hint_to_inner_folders(self, tmp_path: Path):
        (tmp_path / "inner").mkdir()
        with pytest.raises(InputError, match="its folders were not looked into"):
            list_images(tmp_path)
        with pytest.raises(InputError, match=r"and the like\)\.$"):
            list_images(tmp_path, recursive=True)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_without_permission(self, tmp_path: Path):
        (tmp_path / "locked").mkdir(mode=0)
        with pytest.raises(InputError, match="permission denied"):
            list_images(tmp_path / "locked")

    def test_the_suffixes_are_lower_case(self):
        assert {".jpg", ".jpeg", ".png", ".webp", ".heic"} <= IMAGE_SUFFIXES
        assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)
