"""Supervised contrastive learning for chromosome recognition.

Importing the package registers every component in mmpretrain's registries, so that
`custom_imports = dict(imports=['mmscl'], allow_failed_imports=False)` in any mmpretrain
config makes them available by name, makes checkpoints be read without running code that
they might carry, and makes mmpretrain know the models that come with their weights.
"""

from mmscl.stack import check_stack

check_stack()

from mmscl import datasets, engine, evaluation, models  # noqa: E402
from mmscl.checkpoint import install_safe_loader  # noqa: E402
from mmscl.shipped import register_shipped  # noqa: E402
from mmscl.version import __version__  # noqa: E402

install_safe_loader()
register_shipped()

__all__ = ["__version__", "datasets", "engine", "evaluation", "models"]
