"""The archive of CIFAR-10's binary version: found, or downloaded from the authors' site, then checked and unpacked."""

import hashlib
import http.client
import shutil
import tarfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from manyseeds.errors import StudyError
from manyseeds.io.files import writing

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
NETWORK_TIMEOUT_SECONDS = 60
CHUNK_BYTES = 2**20

SCRATCH, LOCK = ".cifar10-scratch", ".cifar10.lock"
"""Folder of what is being downloaded and unpacked, and the lock of the process that does so."""


def obtain(root: Path, names: Iterable[str], *, download: bool, report: Callable[[str], None]) -> Path:
    """Return the folder of batches, unpacking or downloading it if it does not exist.

    An existing folder belongs to the user: nothing in it is added or replaced.

    Parameters
    ----------
    names
        Files of the archive to unpack.
    report
        Called with a line when a download begins, or another process is waited for.

    Raises
    ------
    StudyError
        If there is neither folder nor archive, the archive cannot be downloaded or is not the official one, or the
        files cannot be written.
    """
    folder = root / FOLDER
    if folder.is_dir():
        return folder
    if not download and not (root / ARCHIVE).is_file():
        raise StudyError(
            f"{folder} does not exist and data.download is false; unpack CIFAR-10's binary version there "
            f"({ARCHIVE_URL}), or place the archive {ARCHIVE} in {root}."
        )
    with writing(root), _scratch(root, report) as scratch:
        if folder.is_dir():  # another study has unpacked it in the meantime
            return folder
        archive = root / ARCHIVE
        if archive.is_file():
            _check(archive, str(archive))
        else:
            archive = scratch / ARCHIVE
            report(f"downloading {ARCHIVE_URL} (162 MiB)")
            with archive.open("wb") as file:
                file.writelines(_downloaded(ARCHIVE_URL, folder))
            _check(archive, f"the download of {ARCHIVE_URL}")
        _unpack(archive, scratch / FOLDER, names)
        (scratch / FOLDER).rename(folder)
    return folder


@contextmanager
def _scratch(root: Path, report: Callable[[str], None]) -> Iterator[Path]:
    """Yield an empty folder that no other process uses; it is removed at the end, or by the next process after a kill.

    Studies that need the same images at once wait for each other.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock, scratch = FileLock(root / LOCK), root / SCRATCH
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(f"Waiting for another process that holds the lock {lock.lock_file}.")
        lock.acquire()
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):
            (root / LOCK).unlink()
        lock.release()


def _downloaded(url: str, folder: Path) -> Iterator[bytes]:
    """Yield the contents of a URL.

    torchvision only downloads the pickled version, and importing it also imports torch. The digests of the archive and
    of the batches are checked in any case, so the standard library is enough.
    """
    try:
        with urllib.request.urlopen(url, timeout=NETWORK_TIMEOUT_SECONDS) as response:
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:  # OSError includes URLError and time-outs
        reason = getattr(error, "reason", error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise StudyError(
            f"{folder} does not exist and {url} cannot be downloaded ({reason}); run the same command again, or "
            f"download it elsewhere, then place {ARCHIVE} in {folder.parent}, or its unpacked folder at {folder}."
        ) from error


def _check(archive: Path, source: str) -> None:
    """Check that an archive is the official one; an error names it as `source`."""
    try:
        with archive.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise StudyError(f"{source} cannot be read ({problem.strerror or problem}).") from problem
    if sha256 != ARCHIVE_SHA256:
        raise StudyError(
            f"{source} has {archive.stat().st_size:,} bytes and SHA-256 {sha256}; the official archive has "
            f"{ARCHIVE_SHA256}: the download was interrupted or the file was altered. Fetch it again."
        )


def _unpack(archive: Path, folder: Path, names: Iterable[str]) -> None:
    """Unpack the named batches of the official archive into a new folder."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for name in names:
            member = tar.extractfile(f"{FOLDER}/{name}")
            assert member is not None  # a regular file in the official archive
            with member as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
