"""Rejected networks are measured from the weights that were kept."""

import json

import numpy as np
from numpy.testing import assert_array_equal

from manyseeds.io import tensors
from manyseeds.models import build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import activations, geometry, geometry_files, rejected

ENTRY = {"architecture": "all_cnn_7", "width": 0.05, "readout_relu": False, "last_3x3": "valid"}
ENTRY |= {"initialisation": "he_normal", "layers": None}
SHAPE = (12, 12, 1)


def test_the_geometry_is_that_of_the_weights_kept(tmp_path):
    network, stimuli = Network.from_config(ENTRY), np.random.default_rng(0).random((9, *SHAPE), dtype=np.float32)
    np.save(tmp_path / "inputs.npy", stimuli)
    (tmp_path / "card.json").write_text(json.dumps({"categories": ["a", "b", "c"]}))
    files, expected = {}, {}
    for seed in (2, 5):
        weights = initialisation.initial_weights(network, SHAPE, 3, root_seed=0, seed=seed)
        files[seed] = tmp_path / f"rejected{seed}.safetensors"
        tensors.write(files[seed], weights, {})
        module = build.build(network, SHAPE, 3)
        build.load(module, weights, source="test")
        layers = build.analysed_layers(module, network)
        activations.dump(module, layers, stimuli, tmp_path / f"{seed}", device=rejected.claim_device(print))
        expected[seed] = geometry.measure_geometry(np.load(tmp_path / f"{seed}" / "conv6.npy"), name="conv6")
    lines = []
    images = {"stimuli": tmp_path / "inputs.npy", "card": tmp_path / "card.json", "report": lines.append}
    found = rejected.measure_rejected(files, "conv6", network=ENTRY, categories=None, **images)
    assert lines == ["seed 2: conv6 of rejected2.safetensors", "seed 5: conv6 of rejected5.safetensors"]
    for seed, measured in found.items():
        for field in geometry_files.STORED:
            assert_array_equal(getattr(measured, field), getattr(expected[seed], field))
    assert list(found) == [2, 5]
