"""Networks of the user's own: their code has a digest, and is not executed for it."""

import sys

import pytest
from configs import study
from own_folders import own_activations

from manyseeds.errors import StudyError
from manyseeds.study import network_code

FILES = {
    "nets.py": """
'''Doc.'''
import os
import torch
from parts.blocks import Block

(lambda: 1 / 0)()  # which an import would execute

class Net(torch.nn.Module):
    '''Doc.'''
""",
    "parts/__init__.py": "",
    "parts/blocks.py": "from . import constants\nfrom .deep import inner\nclass Block: ...",
    "parts/constants.py": "SIZE = 3",
    "parts/deep/inner.py": "from .. import blocks",
    "parts/unrelated.py": "x = 1",
    "torchlike.py": "x = 1",
}


def of(architecture: str) -> str | None:
    own = study(networks=[{"architecture": architecture, "name": "all_cnn_c"}])
    return network_code.own_digests(own).get("all_cnn_c")


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Digest of nets.Net in a copy of FILES, one of them changed. Files are read once, so each copy is a new one."""
    copies = iter(range(99))

    def changed(name: str = "", text: str = "", architecture: str = "nets.Net") -> str | None:
        folder = tmp_path / str(next(copies))
        for file, original in FILES.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if file == name else original)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            found = of(architecture)
        assert not {"nets", "parts"} & {*sys.modules}
        return found

    return changed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nets.py", FILES["nets.py"].replace("torch.nn.Module", "torch.nn.Sequential")),
        ("parts/__init__.py", "x = 1"),
        ("parts/blocks.py", FILES["parts/blocks.py"].replace("...", "size = 1")),
        ("parts/constants.py", "SIZE = 4"),
        ("parts/deep/inner.py", "from .. import blocks\nx = 1"),
    ],
)
def test_a_change_of_what_a_network_is_made_of_changes_the_digest(digest, name, text):
    assert digest(name, text) != digest()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nets.py", FILES["nets.py"].replace("'''Doc.'''", "'''Another.'''").replace("import os", "import os  # why")),
        ("parts/unrelated.py", "x = 2"),
        ("torchlike.py", "x = 2"),
    ],
)
def test_comments_and_other_modules_do_not(digest, name, text):
    assert digest(name, text) == digest() is not None


def test_a_network_of_a_package_is_found_by_its_dots(digest):
    whole = digest(architecture="parts.blocks.Block")
    assert whole not in (None, digest())
    assert whole == digest("torchlike.py", "x = 2", architecture="parts.blocks.Block")
    assert whole != digest("parts/constants.py", "SIZE = 4", architecture="parts.blocks.Block")


@pytest.mark.parametrize(
    "architecture", ["all_cnn_c", "resnet18", "torchvision.models.resnet18", "timm.models.vit", "nowhere.Net"]
)
def test_networks_of_libraries_have_no_code_of_the_users(architecture):
    assert of(architecture) is None


def test_of_an_installed_package_only_that_package_is_read():
    """jsonschema imports attrs and others, which are installed beside it."""
    ((root, package),) = network_code._roots("jsonschema")
    assert package == "jsonschema"
    assert (root / "jsonschema/__init__.py").is_file()
    assert of("jsonschema.validators.Draft7Validator") is not None


def test_own_activations_have_no_networks(tmp_path):
    overlay = own_activations(tmp_path) | {"networks": [{"architecture": "jsonschema.Net"}]}
    assert network_code.own_digests(study(**overlay)) == {}


@pytest.mark.parametrize("text", ["class Net(:", "x = '\0'", "(" * 5000])
def test_code_that_is_no_python_is_named(digest, text):
    sentence = r"^networks: the code of the architecture nets.Net cannot be read as Python \(.*Error: .*\)\.$"
    with pytest.raises(StudyError, match=sentence):
        digest("nets.py", text)
