"""Trains the phases of a model one after the other, as the config says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpretrain.registry import HOOKS

from mmscl.config import ConfigError
from mmscl.registry import register


class Phase(NamedTuple):
    """A part of a training.

    Attributes:
        begin: Its first step.
        end: The step after its last; `begin` if it gets none.
        train: What the model trains; of several they take turns.
        every: Steps of one turn.
        rates: Name -> factors of the learning rate, each for an equal part; () leaves
            it.
    """

    begin: int
    end: int
    train: tuple[str, ...]
    every: int
    rates: Mapping[str, tuple[float, ...]]

    def at(self, step: int) -> str:
        """What is trained in a step, begin <= step < end."""
        return self.train[(step - self.begin) // self.every % len(self.train)]

    def rate_at(self, step: int) -> float | None:
        """Factor of the learning rate in a step; None leaves it."""
        rates = self.rates[self.at(step)]
        if not rates:
            return None
        done = len(rates) * (step - self.begin) // (self.end - self.begin)
        return rates[done]


@register(HOOKS)
class PhaseHook(Hook):
    """Tells the model before each step which phase it trains.

    For models that are trained part by part (`VarifocalClassifier`,
    `SiameseClassifier`). Phases are shares of the run, not numbers of steps: a run of
    another length has the same proportions, and what is trained in a step follows
    from its number alone, so a resumed run goes on as it would have.

    Args:
        phases: In order; each a dict of

            - train: Name of the model's phase, or names that take turns.
            - share: Its length relative to the others, > 0, such as epochs.
            - every: Steps of one turn, >= 1. Default 1.
            - rates: Factors of the optimizer's learning rate, > 0, each for an equal
              part of the phase: (1, 0.1) is a tenth in the second half. A dict gives
              each of several names its own. Takes the place of param_scheduler, whose
              rates do not start anew. Default: none.

    Raises:
        ConfigError: No phases, a value out of range, an unknown key; when training
            begins: a model without phases, or without this one; rates beside a
            param_scheduler.

    Example:
        >>> hook = PhaseHook([dict(train='pairs', share=3),
        ...                   dict(train='classify', share=1)])
        >>> [(phase.begin, phase.end) for phase in hook.plan(8)]
        [(0, 6), (6, 8)]
    """

    priority = "VERY_HIGH"

    def __init__(self, phases: Sequence[Mapping[str, Any]]) -> None:
        if not phases:
            raise ConfigError("PhaseHook.phases: expected one or more, got none")
        self.phases = [_check(number, dict(one)) for number, one in enumerate(phases)]
        self._plan: list[Phase] = []
        self._current = ""

    def plan(self, steps: int) -> list[Phase]:
        """The phases of a run of `steps` steps; boundaries are rounded."""
        total = sum(one["share"] for one in self.phases)
        done, begin, found = 0.0, 0, []
        for one in self.phases:
            done += one["share"]
            end = round(steps * done / total)
            rest = {key: value for key, value in one.items() if key != "share"}
            found.append(Phase(begin, end, **rest))
            begin = end
        return found

    def before_train(self, runner: Any) -> None:
        """Check the model, and say which steps train what."""
        model = _model(runner)
        known = getattr(model, "phases", ())
        wanted = {name for one in self.phases for name in one["train"]}
        if not wanted <= set(known):
            raise ConfigError(
                f"PhaseHook.phases: {type(model).__name__} has "
                f"{', '.join(known) or 'no phases'}, got "
                f"{', '.join(sorted(wanted - set(known)))}"
            )
        if any(any(one["rates"].values()) for one in self.phases):
            if runner.param_schedulers:
                raise ConfigError(
                    "PhaseHook.phases: rates and param_scheduler both set the learning "
                    "rate; leave out one of the two"
                )
            for group in _groups(runner):
                group.setdefault("initial_lr", group["lr"])
        self._plan, self._current = self.plan(runner.max_iters), ""
        told = [
            f"{' and '.join(one.train)} {one.begin + 1}-{one.end}"
            if one.begin < one.end
            else f"{' and '.join(one.train)} none"
            for one in self._plan
        ]
        print_log(f"Steps of each phase: {', '.join(told)}", logger="current")

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Set the phase of this step, if it is another one, and its rate."""
        phase = next(one for one in self._plan if runner.iter < one.end)
        name = phase.at(runner.iter)
        if name != self._current:
            _model(runner).set_phase(name)
            self._current = name
        rate = phase.rate_at(runner.iter)
        if rate is not None:
            for group in _groups(runner):
                group["lr"] = group["initial_lr"] * rate


def _check(number: int, given: dict[str, Any]) -> dict[str, Any]:
    where = f"PhaseHook.phases.{number}"
    one = {"every": 1, "rates": (), **given}
    if set(one) != {"train", "share", "every", "rates"}:
        raise ConfigError(
            f"{where}: expected train, share and perhaps every and rates, got "
            f"{sorted(given)}"
        )
    train, every = one["train"], one["every"]
    names = (train,) if isinstance(train, str) else tuple(train)
    rates = one["rates"]
    if not isinstance(rates, Mapping):
        rates = dict.fromkeys(names, rates)
    if set(rates) != set(names):
        raise ConfigError(
            f"{where}.rates: expected factors for each of {', '.join(names)}, got "
            f"some for {', '.join(map(str, rates)) or 'none of them'}"
        )
    rates = {name: tuple(factors) for name, factors in rates.items()}
    whole = isinstance(every, int) and every >= 1
    positive = all(min(factors, default=1) > 0 for factors in rates.values())
    if not (names and whole and one["share"] > 0 and positive):
        raise ConfigError(
            f"{where}: expected names in train, share > 0, whole steps every >= 1 and "
            f"rates > 0, got {given}"
        )
    return dict(train=names, share=float(one["share"]), every=every, rates=rates)


def _groups(runner: Any) -> list[dict[str, Any]]:
    return runner.optim_wrapper.param_groups


def _model(runner: Any) -> Any:
    model = runner.model
    return model.module if is_model_wrapper(model) else model
