"""The modules of this folder import each other by their names, as they do when they are run as programs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
