"""What every test starts from."""

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from mmpretrain.visualization import UniversalVisualizer


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A tiny classifier that is ready to ship."""
    from tiny_shipment import make_tiny  # some seconds, for those tests alone

    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def fresh_globals_of_mmengine():
    """Forget the loggers and hubs of earlier Runners.

    mmengine names them by the second: a Runner that starts in the same second as the
    last one would log to a stream that pytest has closed.
    """
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            handler.close()
    for kind in (DefaultScope, MessageHub, MMLogger, UniversalVisualizer, Visualizer):
        kind._instance_dict.clear()
