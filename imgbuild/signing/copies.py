"""The folder of signed copies: what is put there, what is there already, what does not belong there any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from functools import cached_property, partial
from typing import Literal

from msgspec import Struct

from imgbuild.credentials.signer import Signer
from imgbuild.digest import seal
from imgbuild.errors import ImgbuildError, TargetError
from imgbuild.ledger import Ledger
from imgbuild.publish import Outputs
from imgbuild.signing.claims import Claims, Found
from imgbuild.signing.published import File, Published
from imgbuild.store.records import Output
from imgbuild.types import Digest, Record, Target

SIGN = "sign/1"

State = Literal["signed", "copied", "same", "held", "stale", "failed"]


class Signed(Struct, frozen=True, kw_only=True, tag="sign", tag_field="event", omit_defaults=True):
    """What became of one file. path: below the folder.

    state: `signed`; `copied`, as its format holds no credentials; the `same` as before; `held` back, as its rules
    broke; `stale`, as it is not what is declared; or `failed`.
    """

    id: str
    path: str
    state: State
    detail: str = ""


class Copies:
    """Signed copies of what is published, in the folder of `outputs`. force: write over files that are not ours."""

    def __init__(
        self, published: Published, signer: Signer, outputs: Outputs, profile: str, *, force: bool = False
    ) -> None:
        self.published, self.signer, self.outputs, self.force = published, signer, outputs, force
        self.blobs, self.records = published.store.blobs, published.store.records
        self.ledger = Ledger(self.records, f"signed/{profile}")
        self._images: dict[str, Found] = {}  # by target

    @cached_property
    def known(self) -> dict[str, Output]:
        """What was put there before, by path."""
        return self.records.outputs(self.ledger.profile)

    def sign(self, chosen: Collection[str]) -> Iterator[Signed]:
        """Sign the files of the chosen targets."""
        for name, target in self.published.targets.items():
            if name in chosen:
                yield from self._target(target)
        self.ledger.commit()

    def tidy(self) -> list[str]:
        """Remove files of targets that are declared no more, where they are as they were put there."""
        wanted = {path for target in self.published.targets.values() for path in target.paths}
        gone = {
            path
            for path, output in self.known.items()
            if path not in wanted and self.outputs.digest(path) in (output.digest, None)
        }
        self.records.drop_outputs(self.ledger.profile, gone)
        return self.outputs.remove(gone)

    def _target(self, target: Target) -> Iterator[Signed]:
        stale, held = self.published.stale(target), self.published.held(target)
        if stale or held:
            state: State = "stale" if stale else "held"
            yield Signed(id=target.id, path=target.output, state=state, detail=stale or held)
            return
        for file in self.published.files(target):
            try:
                state, detail = self._file(target, file), ""
            except ImgbuildError as error:
                state, detail = "failed", "; ".join(filter(None, (error.message, error.hint)))
            yield Signed(id=target.id, path=file.path, state=state, detail=detail)

    def _file(self, target: Target, file: File) -> State:
        """Put one file into the folder. Raises ImgbuildError."""
        blob = self._signed(target, file) if file.mime else self.blobs.add(self.published.read(file))
        is_new = self.outputs.digest(file.path) != blob
        if is_new:
            self._refuse_others(file.path)
            self.outputs.publish(self.blobs, blob, file.path)
        stamp = self.outputs.stamp(file.path)
        assert stamp is not None
        self.ledger.put_output(file.path, Output(blob, target.id, stamp))
        return ("signed" if file.mime else "copied") if is_new else "same"

    def _refuse_others(self, path: str) -> None:
        found, known = self.outputs.digest(path), self.known.get(path)
        is_ours = found is None or (known is not None and known.digest == found)
        if not is_ours and not self.force:
            raise TargetError(
                "it was not written by imgbuild, or was edited since",
                hint="move it away, or write over it with --force",
            )

    def _signed(self, target: Target, file: File) -> Digest:
        """The signed file; that of an earlier time, where nothing of its claim changed since."""
        claim = Claims(self.published.found, target, self._image).of(file)
        by = {"certificate": self.signer.identity, "timestamp": self.signer.timestamp}
        key, manifest = seal(SIGN, {**claim.fields(), **by, "image": file.digest})
        known = self.ledger.record(key)
        if known is not None and self.blobs.has(known.blob):
            return known.blob
        blob = self.blobs.add(self.signer.sign(self.published.read(file), claim))
        pixels = self.published.line(target.id).pixels
        record = Record(
            key=key, step="sign", blob=blob, pixels=pixels, created=time.time(), manifest=manifest
        )
        self.ledger.put_records([record])
        self.ledger.commit_in_time()
        return blob

    def _image(self, name: str) -> Found:
        """The image of a target that goes into others: looked for once, into however many files it goes."""
        if name not in self._images:
            self._images[name] = self._look(name)
        return self._images[name]

    def _look(self, name: str) -> Found:
        """It is signed, where it can be, so that its credentials go along."""
        target = self.published.targets[name]
        file = self.published.files(target)[0]
        if file.mime and not self.published.stale(target) and not self.published.held(target):
            blob = self._signed(target, file)
            return file, blob, partial(self.blobs.read, blob)
        return file, file.digest, partial(self.published.read, file)
