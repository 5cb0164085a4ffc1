"""The set-ups of the published fits, as one table.

DataDecide (arXiv 2504.11393) fits each recipe's sizes and predicts 1B; its names say how:
`3_param-no_750M-helper_points-step2=0.5`. `ladder` is the fit of arXiv 2412.04403.
"""

from __future__ import annotations

import dataclasses

from .. import _arguments

__all__ = ["SETUPS", "Setup"]


@dataclasses.dataclass(frozen=True)
class Setup:
    """How a scaling law is fitted.

    Attributes:
        name: As published.
        inputs: What step 1 is a function of: ("C",) compute, 6 N D, or ("N", "D") size and tokens.
        floor: Whether step 1 has a constant E.
        one_step: Whether the value is fitted directly, without a loss.
        intermediate: Whether step 1 predicts the metric, and step 2 from it the primary metric.
        helper_point: Whether step 2 is told that a loss of 0 means a value of 1.
        step_2_share: The share of each run's checkpoints (the last ones) that step 2 is fitted to.
        smooth: Checkpoints in the running mean of step 2; 1: none.
        final: What stands for the end of a run: the mean of so many last checkpoints, or of this share of them.
        held_out: Labels of sizes that are not fitted.
    """

    name: str
    inputs: tuple[str, ...]
    floor: bool = True
    one_step: bool = False
    intermediate: bool = False
    helper_point: bool = False
    step_2_share: float = 0.9
    smooth: int = 1
    final: float = 0.1
    held_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse inputs that no law is known of."""
        if tuple(self.inputs) not in (("C",), ("N", "D")):
            raise _arguments.invalid(f"set-up {self.name}: no law of {self.inputs!r}", 'pass ("C",) or ("N", "D")')


# A * holds the place of the held-out sizes.
_FAMILIES = (
    Setup("3_param-*", ("C",)),
    Setup("2_param-*", ("C",), floor=False),
    Setup("3_param-intermediate-*", ("C",), intermediate=True),
    Setup("3_param-*-helper_points", ("C",), helper_point=True),
    Setup("3_param-*-step2=0.5", ("C",), step_2_share=0.5),
    Setup("3_param-*-helper_points-step2=0.5", ("C",), helper_point=True, step_2_share=0.5),
    Setup("3_param-intermediate-*-helper_points", ("C",), intermediate=True, helper_point=True),
    Setup("5_param-ai2*", ("N", "D")),
    Setup("5_param-1_step-ai2*", ("N", "D"), one_step=True),
    Setup("3_param-1_step*", ("C",), one_step=True),
)
# DataDecide also leaves 4M and 6M out of every fit: their evaluations are incomplete.
_HELD_OUT = {
    "default": ("1B", "6M", "4M"),
    "no_750M": ("1B", "750M", "6M", "4M"),
    "no_750M_no_530M": ("1B", "750M", "530M", "6M", "4M"),
}


def _published() -> list[Setup]:
    setups = []
    for family in _FAMILIES:
        for part, sizes in _HELD_OUT.items():
            if "-*" not in family.name:  # these have no "default"
                part = "" if part == "default" else "-" + part
            setups.append(dataclasses.replace(family, name=family.name.replace("*", part), held_out=sizes))
    return setups


_LADDER = Setup("ladder", ("N", "D"), helper_point=True, smooth=5, final=5)

#: All set-ups by name: the thirty of DataDecide, and `ladder`.
SETUPS = {setup.name: setup for setup in [_LADDER, *_published()]}
