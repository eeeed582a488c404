"""Signed distances (mm, negative inside) of the shapes that heads are made of, after I. Quilez' approximations."""

from __future__ import annotations

import numpy as np

from ichset.demo.phantom.frame import Block, Floats, Point


def ellipsoid(at: Block, centre: Point, radii: Point) -> Floats:
    """Distance to an ellipsoid with axes along the frame, exact on its surface."""
    x, y, z = at.x - np.float32(centre[0]), at.y - np.float32(centre[1]), at.z - np.float32(centre[2])
    a, b, c = (np.float32(1 / radius) for radius in radii)
    x, y, z = x * a, y * b, z * c
    near = np.sqrt(x * x + y * y + z * z)
    x, y, z = x * a, y * b, z * c
    steep = np.sqrt(x * x + y * y + z * z)
    return near * (near - np.float32(1)) / np.maximum(steep, np.float32(1e-6))


def capsule(at: Block, start: Point, end: Point, first: float, last: float) -> Floats:
    """Distance to a rod from `start` to `end` whose radius goes from `first` to `last` mm."""
    axis = np.subtract(end, start)
    length = float(axis @ axis)
    x, y, z = at.x - np.float32(start[0]), at.y - np.float32(start[1]), at.z - np.float32(start[2])
    along = np.clip((x * np.float32(axis[0]) + y * np.float32(axis[1]) + z * np.float32(axis[2])) / np.float32(length), 0, 1)
    x, y, z = x - along * np.float32(axis[0]), y - along * np.float32(axis[1]), z - along * np.float32(axis[2])
    return np.sqrt(x * x + y * y + z * z) - (np.float32(first) + along * np.float32(last - first))


def smooth_union(one: Floats, other: Floats, radius: float) -> Floats:
    """The smaller of two distances, rounded off over `radius` mm."""
    mix = np.maximum(np.float32(radius) - np.abs(one - other), 0)
    return np.minimum(one, other) - mix * mix * np.float32(0.25 / radius)


def smooth_cut(body: Floats, tool: Floats, radius: float) -> Floats:
    """`body` without `tool`, rounded off over `radius` mm."""
    return -smooth_union(-body, tool, radius)


def step(values: Floats, at: float, width: float) -> Floats:
    """From 0 to 1 around `at`, linear over 2 `width`."""
    return np.clip((values - np.float32(at)) * np.float32(0.5 / width) + np.float32(0.5), 0, 1)
