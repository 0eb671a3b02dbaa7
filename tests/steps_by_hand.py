"""Steps on a state, written short."""

from __future__ import annotations

from mmscl.review import ReviewSession, ReviewState, Step


def make(
    state: ReviewState, action: str, crop: int | None, after: str, cell: str = "P000_0"
) -> None:
    """Make one step; does nothing where it is so already."""
    owner = state.cells[cell] if crop is None else state.cells[cell].crops[crop]
    before = getattr(owner, action)
    if before == after:
        return
    seq = 1 + max(c.last for c in state.cells.values())
    step = Step(seq, "", "", action, cell, crop, before, after)
    state.check(step)
    state.apply(step)


def correct_all(state: ReviewState, cell: str) -> None:
    """Put every crop where its true type is."""
    for number, crop in state.cells[cell].crops.items():
        make(state, "place", number, crop.row.type, cell)


def take(session: ReviewSession, action: str, crop: int | None, after: str, cell: str):
    """The same through a session, and so into its log."""
    owner = session.state.cells[cell]
    if crop is not None:
        owner = owner.crops[crop]
    return session.take(
        dict(
            action=action,
            karyogram=cell,
            crop=crop,
            before=getattr(owner, action),
            after=after,
        )
    )
