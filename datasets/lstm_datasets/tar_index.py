"""Shards read by position: what lies in a tar, and where, so that single files can be read later in any order."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown

__all__ = ["TarMember", "tar_members"]


class TarMember(NamedTuple):
    """A file in a tar.

    Attributes:
        name: the whole name.
        key: the name without its suffix, which the files of one sample share.
        suffix: with its dot, in lower case.
        place: offset and size within the tar, in bytes.
        read: gives the content.
    """

    name: str
    key: str
    suffix: str
    place: tuple[int, int]
    read: Callable[[], bytes]


def tar_members(path: Path) -> Iterator[TarMember]:
    """The files of an uncompressed tar, in their order.

    Raises:
        InputError: it cannot be read, is damaged, cut off or compressed, or is no tar.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            whole = path.stat().st_size
            if whole % tarfile.BLOCKSIZE:  # tarfile takes a header cut off for the end
                raise EOFError
            for member in tar:
                if member.offset_data + member.size > whole:
                    raise EOFError
                if not member.isfile():
                    continue
                key, _, kind = member.name.rpartition(".")
                file = tar.extractfile(member)
                assert file is not None  # a regular file
                yield TarMember(member.name, key, f".{kind.lower()}", (member.offset_data, member.size), file.read)
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error.strerror or 'it is truncated'}") from None
    except (tarfile.TarError, EOFError):
        raise InputError(f"{shown(path)} is damaged, cut off, compressed or no tar") from None
