"""What a smoke run refuses before it draws anything."""

import pytest
from mmengine.config import Config

from mmscl.config import ConfigError
from mmscl.smoke import smoke_config


def test_a_canvas_that_is_no_side_is_one_message():
    config = Config(dict(canvas=dict(size=(128, 32))))
    with (
        pytest.raises(ConfigError, match="canvas: expected the side of the white"),
        smoke_config(config),
    ):
        pass
