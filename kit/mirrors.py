"""Addresses of hosts that have the papers' files, in the forms that give the file itself.

None of them could be tried where this project is made, which has no network: they are as public
repositories and pages state them.
"""

from __future__ import annotations


def drive(file: str) -> str:
    """Return the address of a file on Google Drive, by its identifier, in the form for large ones.

    The plainer ``uc?export=download`` answers by a page where a file is above 100 MB.
    """
    return f"https://drive.usercontent.google.com/download?id={file}&export=download&confirm=t"


def zenodo(record: str, file: str) -> str:
    """Return the address of a file of a record on Zenodo."""
    return f"https://zenodo.org/records/{record}/files/{file}?download=1"


def bucket(path: str) -> str:
    """Return the address in NAS-Bench-360's first bucket, which has refused all since 2022."""
    return f"https://pde-xd.s3.amazonaws.com/{path}"
