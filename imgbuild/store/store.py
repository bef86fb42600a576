"""The folder in which a project keeps what it made: blobs, records, and the journal of what was paid for."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from imgbuild.errors import ImgbuildError
from imgbuild.store.blobs import Blobs
from imgbuild.store.history import History
from imgbuild.store.journal import Journal
from imgbuild.store.records import Records
from imgbuild.store.recover import NAME, open_records, take_back

_MARKS = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# The store of imgbuild.\n",
}


class Store:
    """An open store. Close it, or use it with `with`. is_new: there were no records when it was opened."""

    def __init__(
        self,
        folder: Path,
        blobs: Blobs,
        records: Records,
        journal: Journal,
        mended: list[str],
        *,
        is_new: bool = False,
    ) -> None:
        self.folder, self.is_new = folder, is_new
        self.blobs = blobs
        self.records = records
        self.journal = journal
        self.history = History(folder)
        self._mended = mended

    @property
    def notes(self) -> list[str]:
        """What was found damaged so far, and what was done about it, one sentence each."""
        return [*self._mended, *self.journal.notes, *self.blobs.notes]

    def close(self) -> None:
        self.records.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(folder: Path, second: Path | None = None, *, write: bool, share: bool = True) -> Store:
    """The store at `folder`; `second` is a shared folder of the same layout, and may be absent.

    share: also write to the second what is written here.
    write: make the folder, mend what is damaged and sweep what a crash left; the caller holds the project.
    Readers need no hold and change nothing. Raises OSError where the folder can't be used.
    """
    if write:
        _prepare(folder)
    blobs = Blobs(folder / "blobs", second / "blobs" if second is not None else None, share=share)
    if write:
        blobs.sweep_temporary([folder])
    is_new = not (folder / NAME).exists()
    records, mended = open_records(folder, write=write)
    journal = Journal(folder / "journal", write=write)
    if write:
        take_back(records, blobs, journal)
    return Store(folder, blobs, records, journal, mended, is_new=is_new)


def check_links(folder: Path) -> None:
    """Raise ImgbuildError where something in the store is a symbolic link: writing would lead elsewhere."""
    for inner in (folder, folder / "blobs"):
        with suppress(FileNotFoundError), os.scandir(inner) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise ImgbuildError(
                        f"{entry.path} is a symbolic link",
                        hint="remove it; to keep the store elsewhere, set IMGBUILD_STORE",
                    )


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    check_links(folder)
    for name, text in _MARKS.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
