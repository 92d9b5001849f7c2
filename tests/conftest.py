"""Order of the tests: those that share runs of the workflow first, since each group of them is one worker's work."""


def pytest_collection_modifyitems(items):
    """Put groups first: begun last, the longest would keep one worker at work while the others have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
