"""Models whose parts are trained in turn, while the others are frozen."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from typing_extensions import Self


class Phased(nn.Module):
    """A model that trains some of its parts at a time; stands before its other base.

    Nothing is frozen before the first `set_phase`: DistributedDataParallel looks after
    what it finds trainable when it is built, and phases come later. A subclass sets
    `phase` to its first one at the end of its constructor.

    Attributes:
        phases: Names of the phases.
        phase: The one that is trained; '' while the model is built.
    """

    phases: tuple[str, ...]
    phase: str = ""

    @abstractmethod
    def trained_parts(self) -> tuple[str, ...]:
        """Dotted names of the modules that `phase` trains."""

    def set_phase(self, name: str) -> None:
        """Train this phase from now on.

        A frozen parameter gets no gradient, so the optimizer leaves it as it is,
        weight decay and momentum included.

        Raises:
            ValueError: There is no such phase.
        """
        if name not in self.phases:
            raise ValueError(
                f"{type(self).__name__}.set_phase: expected one of {self.phases}, got "
                f"{name!r}"
            )
        self.phase = name
        self.requires_grad_(False)
        for part in self.trained_parts():
            self.get_submodule(part).requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; frozen parts stay in evaluation mode."""
        super().train(False)
        if mode and self.phase:
            self.training = True
            for part in self.trained_parts():
                self.get_submodule(part).train()
        return self
