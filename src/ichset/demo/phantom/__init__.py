"""Head phantoms in Hounsfield units from analytic shapes, with the truth of every voxel that matters (numpy only)."""

from ichset.demo.phantom.anatomy import Anatomy, Fracture, Lesion, random_anatomy
from ichset.demo.phantom.draw import Phantom, draw_head
from ichset.demo.phantom.frame import Grid, Pose, random_pose

__all__ = ["Anatomy", "Fracture", "Grid", "Lesion", "Phantom", "Pose", "draw_head", "random_anatomy", "random_pose"]
