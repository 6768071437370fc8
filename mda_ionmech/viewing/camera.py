"""Camera that fills a picture, beside the legend."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

MARGIN = 0.04


def axes_of(direction: Sequence[float]) -> np.ndarray:
    """Unit vectors to the right, up and forward of a camera, shape (3, 3); z is up."""
    forward = np.asarray(direction, dtype=np.float64)
    forward = forward / np.linalg.norm(forward)
    aside = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(aside) < 1e-9:  # along z
        aside = np.array([1.0, 0.0, 0.0])
    right = aside / np.linalg.norm(aside)
    return np.array([right, np.cross(right, forward), forward])


def projected(points: np.ndarray, position: np.ndarray, axes: np.ndarray, slope: Any) -> np.ndarray:
    """Places in the picture, from -1 to 1 in both directions, shape (points, 2).

    Parameters
    ----------
    points : numpy.ndarray
        Shape (points, 3).
    position : numpy.ndarray
        Of the camera.
    axes : numpy.ndarray
        See `axes_of`.
    slope : array_like
        Half width and half height of the picture at unit distance.
    """
    seen = (points - position) @ axes.T
    return np.asarray(seen[:, :2] / seen[:, 2:] / np.asarray(slope))


def camera_for(
    points: np.ndarray,
    direction: Sequence[float],
    fov: float,
    aspect: float,
    *,
    left: float = 0.0,
    top: float = 0.0,
) -> tuple[np.ndarray, float]:
    """Position of a perspective camera from which points fill the free part of a picture.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (points, 3).
    direction : sequence of float
    fov : float
        Vertical opening angle, rad.
    aspect : float
        Width of the picture divided by its height.
    left, top : float
        Part of the width at the left, and of the height at the top, that is kept free.

    Returns
    -------
    position : numpy.ndarray
    distance : float
        Between the camera and the middle of the points along the view; the nearer, the larger.
    """
    axes = axes_of(direction)
    slope = np.tan(fov / 2) * np.array([aspect, 1.0])
    low = np.array([-1 + 2 * left + MARGIN, -1 + MARGIN])
    high = np.array([1 - MARGIN, 1 - 2 * top - MARGIN])
    middle = points.mean(axis=0)
    size = max(float(np.ptp(points, axis=0).max()), 1.0)
    nearest = -float(((points - middle) @ axes[2]).min())
    near, far = nearest + 0.05 * size, nearest + 100 * size
    position = middle
    for _ in range(25):
        distance = (near * far) ** 0.5
        position = middle - distance * axes[2]
        for _ in range(4):
            seen = projected(points, position, axes, slope)
            off = (seen.min(axis=0) + seen.max(axis=0)) / 2 - (low + high) / 2
            position = position + (off * slope * distance) @ axes[:2]
        seen = projected(points, position, axes, slope)
        if np.all(seen.min(axis=0) >= low - 1e-3) and np.all(seen.max(axis=0) <= high + 1e-3):
            far = distance
        else:
            near = distance
    return position, distance


def fit_camera(
    viewport: Any,
    points: np.ndarray,
    direction: Sequence[float],
    size: tuple[int, int],
    legend: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Let points fill a picture as far as a legend in its upper left corner does not cover them.

    Parameters
    ----------
    viewport : ovito.vis.Viewport
    points : numpy.ndarray
        Shape (points, 3).
    direction : sequence of float
    size : tuple of int
        Pixels.
    legend : tuple of float
        Parts of the width and of the height of the picture that the legend takes.
    """
    aspect, fov = size[0] / size[1], float(viewport.fov)
    axes = axes_of(direction)
    slope = np.tan(fov / 2) * np.array([aspect, 1.0])
    found = []
    for aside, above in product(np.linspace(0, 1, 5), repeat=2):
        position, distance = camera_for(
            points, direction, fov, aspect, left=aside * legend[0], top=above * legend[1]
        )
        seen = projected(points, position, axes, slope)
        if (aside == 1 or above == 1) or not _is_covered(seen, legend):
            found.append((distance, tuple(position)))
    viewport.camera_dir = tuple(direction)
    viewport.camera_pos = min(found)[1]


def _is_covered(seen: np.ndarray, legend: tuple[float, float]) -> bool:
    """Whether lines between these places cross the rectangle in the upper left corner."""
    along = np.linspace(0, 1, 30)[:, None, None, None]
    lines = along * seen[:, None] + (1 - along) * seen[None]
    inside = (lines[..., 0] < -1 + 2 * legend[0]) & (lines[..., 1] > 1 - 2 * legend[1])
    return bool(inside.any())
