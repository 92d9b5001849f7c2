"""Libraries of networks, imported so that a CPU build of torch accepts them."""

from types import ModuleType

import pytest

from manyseeds.models.torchvision_import import import_models


def timm() -> ModuleType:
    """Import timm, or skip the test."""
    import_models()
    return pytest.importorskip("timm")
