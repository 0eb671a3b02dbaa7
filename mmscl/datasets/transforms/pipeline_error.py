"""What the commands show of a pipeline whose steps do not go together."""

from __future__ import annotations


class PipelineError(ValueError):
    """Steps of a pipeline, or a step and its data set, that do not go together.

    The message names the setting to change in the config.
    """
