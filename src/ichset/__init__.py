"""ichset: from radiology reports and a CT archive to a verified, de-identified, labelled head-CT dataset."""

import os
import sys

__version__ = "0.1.0"

if sys.platform == "linux":  # Arrow's own choice, mimalloc, kept 100 MB more of what was given back; read when pyarrow is first imported
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
