"""Folders as users bring them, and a file in them that does harm where it is unpickled."""

import os
from pathlib import Path


def own_networks(folder: Path) -> dict:
    for seed in range(2):
        path = folder / f"all_cnn_c/baseline/seed{seed}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return {"networks_dir": str(folder)}


def own_activations(folder: Path) -> dict:
    for seed in range(2):
        for epoch in (1, 2, 3):
            path = folder / f"all_cnn_c/baseline/seed{seed}/epoch{epoch}/conv9.npy"
            path.parent.mkdir(parents=True)
            path.touch()
    return {"activations_dir": str(folder)}


class Intruder:
    """An object whose unpickling makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)
