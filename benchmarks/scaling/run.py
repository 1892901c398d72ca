"""Run all programs of this folder, one after the other, and so write docs/scaling.md and docs/large-data.md anew.

python benchmarks/scaling/run.py            all
python benchmarks/scaling/run.py ranks model   these
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# In an order in which each finds the results of others that it needs.
PROGRAMS = ("buffer", "allreduce", "compression", "compute", "ranks", "hosts", "model", "instead", "equality", "memory",
            "streams", "block_shuffle")  # fmt: skip


def main() -> int:
    """Run the programs, and return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name in PROGRAMS if (HERE / f"{name}.py").exists()]
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(known)}; all if none is named")
    chosen = parser.parse_args().programs or known
    if unknown := sorted(set(chosen) - set(known)):
        parser.error(f"there is no program {', '.join(unknown)}; there are {', '.join(known)}")
    failed = []
    for name in (name for name in known if name in chosen):
        print(f"\n== {name}", flush=True)
        begin = time.perf_counter()
        if subprocess.run([sys.executable, str(HERE / f"{name}.py")]).returncode:
            failed.append(name)
        print(f"{time.perf_counter() - begin:.0f} s", flush=True)
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall is written into the pages")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
