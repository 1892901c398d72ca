"""A doctor says why minnet is fast or slow on this machine: ``python -m minnet.doctor``, in ten seconds.

It tells what NumPy computes with, measures two small models and the matrix products that they are made of, tries
other numbers of threads and other kernels beside them, and reports what was clearly faster, with the cure.
"""

import argparse
import json
import math
import statistics
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minnet.machine import KERNELS, LIBRARIES, THREADS, Facts, facts, thread_variable, usable, variants
from minnet.stopwatch import Times, race
from minnet.workload import BATCH, NOTEBOOK, WIDE

WIDTH = 79  # columns of the report
SECONDS = 8.0  # of measuring, once all processes are warm
CLEAR = 1.15  # times as fast, in the median over the rounds: less is no finding
SURE = 1.05  # and in their lower quartile
SPREAD = 3.0  # times as long in one round of four as in the quickest: the machine does other things, too
CLIFF = 8.0  # times as long as on one thread: no cost of sharing the work, but of waiting for a core
PAIRS = 4  # rounds: of fewer, nothing is clear
SLOW = 4.0  # GFLOP/s of a large product, which any BLAS made for its processor exceeds

SMALL, LARGE = ("-".join(map(str, sizes)) for sizes in (NOTEBOOK, WIDE))
PRODUCTS = {
    "product_large": "1024 × 1024 × 1024",
    "product_forward": "128 × 784 × 10",
    "product_halves": "2 × (64 × 784 × 10)",
    "product_gradient": "784 × 128 × 10",
}
GROUPS = {
    "one prediction, µs": {"predict_notebook": SMALL, "predict_wide": LARGE},
    f"a training step of {BATCH}, µs": {"step_notebook": SMALL, "step_wide": LARGE},
    "products, GFLOP/s": PRODUCTS,
}
JUDGED = {  # what findings look at, and what they call it
    "step_notebook": f"a training step of {SMALL}",
    "step_wide": f"a training step of {LARGE}",
    "product_large": "a large product",
}


def measure(
    facts: Facts,
    *,
    seconds: float = SECONDS,
    options: Mapping[str, Any] | None = None,
    tell: Callable[[str], object] = lambda message: None,
) -> Times:
    """Time the workload in every environment that is worth it on this machine.

    Parameters
    ----------
    facts
        As from `minnet.machine.facts`.
    seconds
        About how long, once all processes are warm.
    options
        Arguments for `minnet.workload.jobs`, such as other sizes.
    tell
        Is told how far it is.

    Returns
    -------
    dict
        Variant → job → its seconds in each round; a variant that failed has no jobs.
    """
    return race("minnet.workload:jobs", options or {}, variants(facts), seconds=seconds, tell=tell)


def speedup(times: Times, variant: str, job: str) -> float:
    """Return how many times as fast a job is in a variant; 1 unless the difference is clearly more than noise.

    It is clear if the variant beats each of the two processes that run everything as it is ("as is" and "again"),
    or loses to both: by 1.15 in the median over the rounds, and by 1.05 in three of four.
    """
    ratios = []
    for base in ("as is", "again"):
        pairs = zip(times.get(base, {}).get(job, ()), times[variant].get(job, ()), strict=False)
        ratios.append([before / after for before, after in pairs])
    if min(map(len, ratios)) < PAIRS:
        return 1.0
    quartiles = [statistics.quantiles(ratio, n=4) for ratio in ratios]
    if all(middle >= CLEAR and low >= SURE for low, middle, _ in quartiles):
        return min(middle for _, middle, _ in quartiles)
    if all(middle <= 1 / CLEAR and high <= 1 / SURE for _, middle, high in quartiles):
        return max(middle for _, middle, _ in quartiles)
    return 1.0


def findings(facts: Facts, times: Times | None) -> list[str]:
    """Return what to do, a sentence each, the most urgent first; at least one.

    Parameters
    ----------
    facts
        As from `minnet.machine.facts`.
    times
        As from `measure`; None if nothing was measured.
    """
    found = [_busy(facts, times)]
    if times is not None and not times.get("as is"):
        found.append("nothing could be measured: no Python process of its own could be started, or it failed")
    elif times is not None:
        found += [_slow(facts, times), _best("kernel", facts, times), _best("thread", facts, times)]
    if facts["threadpoolctl"] is None and facts["library"] != "accelerate":
        found.append(
            "threadpoolctl isn't installed: pip install '.[threads]' in minnet's folder to see threads and kernel"
        )
    return [sentence for sentence in found if sentence] or [
        "nothing to do, as far as one can tell without measuring: leave out --quick"
        if times is None
        else "nothing to do: nothing that was tried is clearly faster"
    ]


def report(facts: Facts, times: Times | None) -> str:
    """Return all of it as text of at most 79 columns: facts, figures, findings.

    Parameters
    ----------
    facts, times
        As for `findings`.
    """
    return f"{description(facts)}\n\n{conclusion(facts, times)}"


def description(facts: Facts) -> str:
    """Return the facts as text, a line each if they fit."""
    cores = f"{facts['cores']} of {facts['all_cores']} for this process"
    cores += "" if facts["quota"] is None else f", and of their time as much as {facts['quota']:.3g} have"
    kernel, threads = facts["kernel"] or "unknown", facts["threads"] or "unknown"
    variables = ", ".join(f"{name}={value}" for name, value in facts["variables"].items())
    rows = {
        "versions": f"minnet {facts['minnet']}, Python {facts['python']}, NumPy {facts['numpy']}",
        "machine": f"{facts['processor'] or 'unknown'}, {facts['system'] or 'unknown'}",
        "cores": f"{cores}; load {'unknown' if facts['load'] is None else facts['load']}",
        "BLAS": f"{facts['blas'] or 'unknown'}; kernel {kernel}; threads {threads}"
        + (f" ({facts['threading']})" if facts["threading"] else ""),
        "variables": variables or "none set that steers threads or kernels",
    }
    return "\n".join(
        textwrap.fill(text, WIDTH, initial_indent=f"{name:<11}", subsequent_indent=" " * 11)
        for name, text in rows.items()
    )


def conclusion(facts: Facts, times: Times | None) -> str:
    """Return the figures, if there are any, and the findings as text."""
    figures = [] if times is None else [table(times)]
    return "\n\n".join([*figures, "\n".join(map(_item, findings(facts, times)))])


def table(times: Times) -> str:
    """Return the medians over the rounds, a column a variant."""
    rounds = max((len(seconds) for jobs in times.values() for seconds in jobs.values()), default=0)
    heads = [name.partition(" ")[::2] if name.startswith(("kernel", "threads")) else ("", name) for name in times]
    rows = ["".join(f"{word:>11}" for word in words) for words in zip(*heads, strict=True)]
    lines = [f"{'':24}{rows[0]}".rstrip(), f"{f'medians of {rounds} rounds':24}{rows[1]}"]
    for title, names in GROUPS.items():
        lines.append(title)
        for job, label in names.items():
            cells = [_figure(job, jobs[job]) if job in jobs else "unknown" for jobs in times.values()]
            lines.append(f"  {label:<22}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(line for line in lines if line)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code, 0, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m minnet.doctor",
        description="Say why minnet is fast or slow on this machine, in about ten seconds: which BLAS NumPy "
        "computes its matrix products with, and how long predictions, training steps and products take as things "
        'are, with one thread, with other kernels, and without the variables that are set. The column "again" is '
        '"as is" once more: what differs between the two is noise. Then it says what was clearly faster (1.15 '
        "times), and what to set or unset for it. It changes nothing: variables are set in processes of its own.",
        epilog=f"Variables it looks at: {', '.join((*THREADS, *KERNELS))}.",
    )
    parser.add_argument("--quick", action="store_true", help="the facts only, in a second: measure nothing")
    parser.add_argument("--json", action="store_true", help="print facts, times (seconds) and findings as JSON")
    options = parser.parse_args(argv)
    try:
        known = facts()
        if not options.json:
            _say(description(known))  # at once: the rest takes a while
        times = None
        if not options.quick:
            try:
                times = measure(known, tell=_progress)
            finally:
                _progress("")
        if options.json:
            _say(json.dumps({"facts": known, "times": times, "findings": findings(known, times)}, indent=1))
        else:
            _say("\n" + conclusion(known, times))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _busy(facts: Facts, times: Times | None) -> str:
    """Say so if the machine does other things, too."""
    load, cores = facts["load"], facts["all_cores"]
    loaded, seen = load is not None and load > cores / 2, _waiting(facts, times or {})
    if not loaded and not seen:
        return ""
    # The load is an average of the last minute: whether it is busy now, only what was measured can show.
    text, cure = "the machine is busy" if seen else "the machine was busy a moment ago", "try again when it is idle"
    if loaded:
        text += f" (load {load} on {cores} core{'s' * (cores > 1)})"
    if facts["threads"] != 1:
        text += ": then threads wait for each other, which can make small products 100 × as slow"
        cure += f", or set {thread_variable(facts)}=1"
    care = f"; here, {seen}; do not trust these figures" if seen else "; take these figures with care" if times else ""
    return f"{text}{care}: {cure}"


def _waiting(facts: Facts, times: Times) -> str:
    """Say by which measurement the machine is busy, if it is."""
    if "1 thread" in times and (facts["threads"] or 0) <= usable(facts):  # if not, they wait on an idle machine, too
        for product in ("product_forward", "product_gradient"):
            own, one = (statistics.median(times[name].get(product) or [1]) for name in ("as is", "1 thread"))
            if own > CLIFF * one:
                return f"{PRODUCTS[product]} takes {_short(own / one)} × as long as on one thread"
    for job in times.get("as is", {}):
        seconds = [value for name in ("as is", "again") for value in times.get(name, {}).get(job, ())]
        spread = statistics.quantiles(seconds, n=4)[2] / min(seconds) if len(seconds) > 1 else 1
        if spread > SPREAD:
            return f"the same took {_short(spread)} × as long in one round of four as in the quickest"
    return ""


def _slow(facts: Facts, times: Times) -> str:
    """Say so if NumPy's products are those of a compiler rather than of a BLAS."""
    seconds = times["as is"].get("product_large")
    if not seconds or facts["library"] in LIBRARIES or _gflops("product_large", seconds) >= SLOW:
        return ""
    return (
        f"a large product runs at {_figure('product_large', seconds)} GFLOP/s, as if NumPy had no BLAS made for this "
        "processor: pip install --force-reinstall --only-binary numpy numpy"
    )


def _best(kind: str, facts: Facts, times: Times) -> str:
    """Say which of the variants of a kind ("kernel", "thread") is fastest, if it clearly speeds up anything."""
    gains = {}
    for name in times:
        ratios = {job: speedup(times, name, job) for job in JUDGED}
        if kind in name and max(ratios.values()) > 1:
            gains[name] = ratios
    if not gains:
        return ""
    name = max(gains, key=lambda name: math.prod(gains[name].values()))
    ratios = {job: ratio for job, ratio in sorted(gains[name].items(), key=lambda item: -item[1]) if ratio != 1}
    effects = [
        f"{JUDGED[job]} is {_short(ratio)} × as fast "
        f"({_figure(job, times[name][job])} {'GFLOP/s' if job == 'product_large' else 'µs'}, "
        f"not {_figure(job, times['as is'][job] + times['again'][job])})"
        for job, ratio in ratios.items()
    ]
    lead, cure = _words(name, facts)
    if ratios.get("step_notebook", 1) < 1:
        cure += ", unless your models are as small as the notebook's"
    elif min(ratios.values()) < 1:
        cure += " for models as small as the notebook's" if "step_notebook" in ratios else ", if the former matters"
    if kind == "thread" and _busy(facts, times):
        cure += ", while the machine is busy"
    return f"{lead}, {', '.join(effects)}: {cure}"


def _words(name: str, facts: Facts) -> tuple[str, str]:
    """Return how a variant is called in a sentence, and how to have it for good."""
    if name.endswith("unset"):
        names = variants(facts)[name]
        settings = " and ".join(f"{variable}={facts['variables'][variable]}" for variable in names)
        if len(names) > 1:
            return f"{settings} are set; without them", "unset them"
        return f"{settings} is set; without it", "unset it"
    if name.startswith("kernel"):
        kernel = name.removeprefix("kernel ")
        used = facts["kernel"] or "the one it chose"
        return f"with OpenBLAS's kernel {kernel}, not {used}", f"set OPENBLAS_CORETYPE={kernel}"
    count = name.split()[0]
    used = facts["threads"] or facts["cores"]
    lead = "with one BLAS thread" if count == "1" else f"with {count} BLAS threads, not {used}"
    return lead, f"set {thread_variable(facts)}={count}"


def _gflops(job: str, seconds: Sequence[float]) -> float:
    return (2 * 1024**3 if job == "product_large" else 2 * BATCH * 784 * 10) / statistics.median(seconds) / 1e9


def _figure(job: str, seconds: Sequence[float]) -> str:
    """Return a job's figure in its unit: GFLOP/s for products, else microseconds."""
    return _short(_gflops(job, seconds) if job.startswith("product") else statistics.median(seconds) * 1e6)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _item(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _progress(message: str) -> None:
    """Say on the terminal, if there is one, how far it is; the line is overwritten by the next."""
    if sys.stderr.isatty():
        print(f"\r{message[: WIDTH - 1]:<{WIDTH - 1}}" + ("" if message else "\r"), end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    """Print, also where the terminal's encoding has no × or µ."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


if __name__ == "__main__":
    sys.exit(main())
