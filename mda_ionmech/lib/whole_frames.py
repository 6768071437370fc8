"""Times as whole numbers of frames."""


def whole_frames(time: float, spacing: float, most: int = 2**62) -> int:
    """The whole number of frames that is nearest to a time, halves to the even one.

    Parameters
    ----------
    time, spacing : float
        ps, or both in another unit.
    most : int
        Longer times give this.
    """
    return round(min(time / spacing, most))
