"""A doctor says what is clearly faster than noise, and how to have it."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from minnet import doctor, machine, stopwatch

FACTS = {
    "minnet": "0.1.0",
    "python": "3.12.1",
    "numpy": "2.4.6",
    "system": "Linux x86_64",
    "processor": "AMD EPYC",
    "cores": 2,
    "all_cores": 2,
    "quota": None,
    "load": 0.1,
    "extensions": ["X86_V2", "X86_V3", "X86_V4"],
    "blas": "scipy-openblas 0.3.31",
    "library": "openblas",
    "kernel": "SkylakeX",
    "threads": 2,
    "threading": "pthreads",
    "threadpoolctl": "3.8.0",
    "variables": {},
}
SECONDS = {
    "predict_notebook": 4e-6,
    "predict_wide": 95e-6,
    "step_notebook": 200e-6,
    "step_wide": 10e-3,
    "product_large": 10e-3,
    "product_forward": 20e-6,
    "product_halves": 13e-6,
    "product_gradient": 20e-6,
}
JITTER = (1.0, 1.02, 0.97, 1.01, 0.99, 1.03, 1.0)
TINY = {"notebook": (6, 3), "wide": (6, 5, 4, 3), "samples": 130}


def rounds(jitter=JITTER, **ratios):
    """Return made-up times of all jobs, some of them so many times as fast."""
    return {job: [value * noise / ratios.get(job, 1) for noise in jitter] for job, value in SECONDS.items()}


def times(**variants):
    """Return made-up times: as is, again, and variants, whose names have _ for a space."""
    own = {name.strip("_").replace("_", " "): value for name, value in variants.items()}
    return {"as is": rounds(), "again": rounds(JITTER[::-1])} | own


def found(facts=None, measured=None):
    return doctor.findings(FACTS | (facts or {}), measured)


ONE = "_1_thread"
TABLE = {
    "nothing": ({}, times(), "nothing to do: nothing that was tried is clearly faster"),
    "a variable in the way": (
        {"variables": {"OPENBLAS_CORETYPE": "Haswell"}},
        times(kernel_unset=rounds(product_large=2)),
        "OPENBLAS_CORETYPE=Haswell is set; without it, a large product is 2.0 × as fast (429 GFLOP/s, not 215): "
        "unset it",
    ),
    "two of them": (
        {"variables": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"}},
        times(kernel_unset=rounds(step_wide=1.5)),
        "OPENBLAS_CORETYPE=Haswell and OPENBLAS_L2_SIZE=512 are set; without them, "
        "a training step of 784-1024-1024-10 is 1.5 × as fast (6,667 µs, not 10,000): unset them",
    ),
    "a variable that helps": (
        {"variables": {"OPENBLAS_CORETYPE": "Haswell"}},
        times(kernel_unset=rounds(product_large=0.5, step_notebook=0.8)),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "one thread, for small models": (
        {},
        times(**{ONE: rounds(step_notebook=1.4, step_wide=0.6, product_large=0.5)}),
        "with one BLAS thread, a training step of 784-10 is 1.4 × as fast (143 µs, not 200), a training step of "
        "784-1024-1024-10 is 0.6 × as fast (16,667 µs, not 10,000), a large product is 0.5 × as fast (107 GFLOP/s, not "
        "215): set OPENBLAS_NUM_THREADS=1 for models as small as the notebook's",
    ),
    "one thread, of another library": (
        {"library": "mkl"},
        times(**{ONE: rounds(step_notebook=1.4)}),
        "with one BLAS thread, a training step of 784-10 is 1.4 × as fast (143 µs, not 200): set MKL_NUM_THREADS=1",
    ),
    "one thread, for products alone": (
        {},
        times(**{ONE: rounds(product_large=1.5, step_wide=0.5)}),
        "with one BLAS thread, a large product is 1.5 × as fast (322 GFLOP/s, not 215), a training step of "
        "784-1024-1024-10 is 0.5 × as fast (20,000 µs, not 10,000): set OPENBLAS_NUM_THREADS=1, if the former matters",
    ),
    "more threads than cores": (
        {"threads": 64, "cores": 64, "all_cores": 64, "quota": 4.0},
        times(**{ONE: rounds(step_notebook=2), "_4_threads": rounds(step_notebook=2, step_wide=3)}),
        "with 4 BLAS threads, not 64, a training step of 784-1024-1024-10 is 3.0 × as fast (3,333 µs, not 10,000), "
        "a training step of 784-10 is 2.0 × as fast (100 µs, not 200): set OPENBLAS_NUM_THREADS=4",
    ),
    "fewer threads than cores": (
        {"threads": 1, "variables": {"OMP_NUM_THREADS": "1"}},
        times(threads_unset=rounds(step_wide=1.8, step_notebook=0.8)),
        "OMP_NUM_THREADS=1 is set; without it, a training step of 784-1024-1024-10 is 1.8 × as fast (5,556 µs, not "
        "10,000), a training step of 784-10 is 0.8 × as fast (250 µs, not 200): unset it, unless your models are as "
        "small as the notebook's",
    ),
    "another kernel": (
        {},
        times(kernel_Haswell=rounds(step_notebook=1.3)),
        "with OpenBLAS's kernel Haswell, not SkylakeX, a training step of 784-10 is 1.3 × as fast (154 µs, not 200): "
        "set OPENBLAS_CORETYPE=Haswell",
    ),
    "the better of two kernels": (
        {"kernel": None},
        times(kernel_Haswell=rounds(step_notebook=1.3), kernel_SkylakeX=rounds(step_notebook=1.6)),
        "with OpenBLAS's kernel SkylakeX, not the one it chose, a training step of 784-10 is 1.6 × as fast "
        "(125 µs, not 200): set OPENBLAS_CORETYPE=SkylakeX",
    ),
    "a kernel that fails": ({}, times(kernel_Haswell={}), "nothing to do: nothing that was tried is clearly faster"),
    "too few rounds": (
        {},
        {name: rounds(JITTER[:3]) for name in ("as is", "again")} | {"1 thread": rounds(JITTER[:3], step_notebook=9)},
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "no process": (
        {},
        {"as is": {}, "again": {}, "1 thread": {}},
        "nothing could be measured: no Python process of its own could be started, or it failed",
    ),
    "no BLAS": (
        {"library": None, "blas": None},
        {"as is": rounds(product_large=0.005), "again": rounds(product_large=0.005)},
        "a large product runs at 1.1 GFLOP/s, as if NumPy had no BLAS made for this processor: "
        "pip install --force-reinstall --only-binary numpy numpy",
    ),
    "a slow processor with a good BLAS": (
        {},
        {"as is": rounds(product_large=0.005), "again": rounds(product_large=0.005)},
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "an unknown BLAS that is fast": (
        {"library": None},
        times(),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "no threadpoolctl": (
        {"threadpoolctl": None},
        times(),
        "threadpoolctl isn't installed: pip install '.[threads]' in minnet's folder to see threads and kernel",
    ),
    "no threadpoolctl, of which it would say nothing": (
        {"threadpoolctl": None, "library": "accelerate", "system": "Darwin arm64"},
        times(),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "nothing measured": (
        {"variables": {"OPENBLAS_CORETYPE": "Haswell"}},
        None,
        "nothing to do, as far as one can tell without measuring: leave out --quick",
    ),
    "busy, nothing measured": (
        {"load": 3.1},
        None,
        "the machine was busy a moment ago (load 3.1 on 2 cores): then threads wait for each other, which can make "
        "small products 100 × as slow: try again when it is idle, or set OPENBLAS_NUM_THREADS=1",
    ),
    "busy": (
        {"load": 3.1},
        times(),
        "the machine was busy a moment ago (load 3.1 on 2 cores): then threads wait for each other, which can make "
        "small products 100 × as slow; take these figures with care: try again when it is idle, "
        "or set OPENBLAS_NUM_THREADS=1",
    ),
    "busy, with one thread": (
        {"load": 3.1, "threads": 1},
        times(),
        "the machine was busy a moment ago (load 3.1 on 2 cores); take these figures with care: "
        "try again when it is idle",
    ),
    "busy, as the rounds show": (
        {"load": 0.2, "threads": 1},
        times(again=rounds() | {"predict_wide": [1e-3] * 7}),
        "the machine is busy; here, the same took 10.9 × as long in one round of four as in the quickest; do not trust "
        "these figures: try again when it is idle",
    ),
    "busy in all rounds": (
        {},
        {name: rounds(product_forward=1 / 90) for name in ("as is", "again")} | {"1 thread": rounds()},
        "the machine is busy: then threads wait for each other, which can make small products 100 × as slow; here, "
        "128 × 784 × 10 takes 90.0 × as long as on one thread; do not trust these figures: try again when it is idle, "
        "or set OPENBLAS_NUM_THREADS=1",
    ),
    "not busy, but more threads than cores": (
        {"threads": 64, "cores": 64, "all_cores": 64, "quota": 4.0},
        {name: rounds(product_forward=1 / 90) for name in ("as is", "again")} | {"1 thread": rounds()},
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "not busy, as far as a failed process can tell": (
        {},
        times(**{ONE: {}}),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "not busy for one slow round in four": (
        {"load": None},
        times(again=rounds((1, 9, 1, 1, 99, 1, 1))),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "a load that many cores can bear": (
        {"load": 3.1, "all_cores": 8},
        times(),
        "nothing to do: nothing that was tried is clearly faster",
    ),
    "a load that nobody knows": ({"load": None}, times(), "nothing to do: nothing that was tried is clearly faster"),
}


@pytest.mark.parametrize(("facts", "measured", "sentence"), TABLE.values(), ids=TABLE)
def test_findings(facts, measured, sentence):
    assert found(facts, measured) == [sentence]


def test_several_findings_the_most_urgent_first():
    cliff = {"as is": rounds((1, 1, 300, 1, 200, 250, 300)), "again": rounds((200, 300, 1, 1, 150, 1, 1))}
    facts = {"load": 3.1, "threadpoolctl": None}
    busy, kernel, thread, missing = found(
        facts, cliff | {"kernel Haswell": rounds(step_wide=400), "1 thread": rounds(step_notebook=400)}
    )
    assert busy.startswith("the machine is busy (load 3.1 on 2 cores): then threads wait")
    assert "here, 128 × 784 × 10 takes 200 × as long as on one thread; do not trust these figures" in busy
    assert kernel.endswith("set OPENBLAS_CORETYPE=Haswell")
    assert thread.endswith("set OPENBLAS_NUM_THREADS=1, while the machine is busy")
    assert missing.startswith("threadpoolctl")


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.2] * 7, 1.2),
        ([1.14] * 7, 1),  # too little
        ([1.2, 1.2, 1.2, 1.3, 1.2, 0.9, 1.2], 1.2),  # one round may disagree
        ([1.2, 0.9, 1.2, 1.3, 1.2, 0.9, 1.0], 1),  # but not three of seven
        ([50, 0.9, 60, 1.0, 70, 0.9, 80], 1),
        ([1 / 1.2] * 7, 1 / 1.2),
        ([1 / 1.14] * 7, 1),
        ([0.5, 1.1, 0.5, 0.5, 1.1, 0.5, 1.1], 1),
    ],
)
def test_what_is_clear(ratios, expected):
    measured = {name: {"step_notebook": [1.0] * 7} for name in ("as is", "again")}
    measured["1 thread"] = {"step_notebook": [1 / ratio for ratio in ratios]}
    assert doctor.speedup(measured, "1 thread", "step_notebook") == pytest.approx(expected)


def test_a_process_that_is_slow_by_chance_is_no_baseline():
    measured = times(**{ONE: rounds(step_notebook=1.3)})
    measured["again"] = rounds(step_notebook=1.3)
    assert doctor.speedup(measured, "1 thread", "step_notebook") == 1


def test_of_two_baselines_the_ratio_to_the_nearer_one_counts():
    measured = times(**{ONE: rounds(step_notebook=2)})
    measured["again"] = rounds(step_notebook=1.25)
    assert doctor.speedup(measured, "1 thread", "step_notebook") == pytest.approx(1.6)


def test_the_report_of_this_machine_fits_a_terminal():
    known = machine.facts()
    measured = {name: rounds() for name in machine.variants(known)}
    for text in (doctor.report(known, None), doctor.report(known, measured)):
        assert max(map(len, text.splitlines())) <= 79
        assert f"NumPy {known['numpy']}" in text


def test_the_widest_report_fits_a_terminal():
    variables = dict.fromkeys((*machine.THREADS, *machine.KERNELS), "a value that is rather long")
    facts = FACTS | {"variables": variables, "quota": 1.5, "load": 60.2, "threads": 64, "processor": "A long name " * 9}
    slow = rounds(**dict.fromkeys(SECONDS, 1e-3))
    measured = dict.fromkeys(machine.variants(facts), slow)
    text = doctor.report(facts, measured)
    assert len(measured) == 5
    assert max(map(len, text.splitlines())) <= 79
    assert "and of their time as much as 1.5 have" in text


def test_what_is_not_known_is_called_unknown():
    nothing = dict.fromkeys(FACTS) | {"minnet": "0", "python": "3", "numpy": "2", "cores": 1, "all_cores": 1}
    text = doctor.report(nothing | {"extensions": [], "variables": {}}, {"as is": {}, "again": {}})
    assert "machine    unknown, unknown" in text
    assert "BLAS       unknown; kernel unknown; threads unknown" in text
    assert "load unknown" in text
    assert text.count("unknown") == 6 + 2 * len(SECONDS)


def test_a_column_a_variant():
    lines = doctor.table(times(kernel_Haswell=rounds(product_large=2), **{ONE: {}})).splitlines()
    assert lines[0].split() == ["kernel"]
    assert lines[1].split() == ["medians", "of", "7", "rounds", "as", "is", "again", "Haswell", "1", "thread"]
    rows = {line[:24].strip(): line[24:].split() for line in lines[2:]}
    assert rows["1024 × 1024 × 1024"] == ["215", "215", "429", "unknown"]
    assert rows["784-1024-1024-10"] == ["10,000", "10,000", "10,000", "unknown"]


def test_measures_in_processes_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(stopwatch, "FEWEST", 1)
    monkeypatch.chdir(tmp_path)  # where nothing can be imported from, or the wrong thing
    (tmp_path / "numpy.py").write_text("raise RuntimeError")
    (tmp_path / "minnet.py").write_text("raise RuntimeError")
    for name in machine.THREADS:
        monkeypatch.setenv(name, "1")  # several would turn in circles for a while after each round
    told = []
    one_thread = FACTS | {"threads": 1, "extensions": []}
    measured = doctor.measure(one_thread, seconds=0, options=TINY, tell=told.append)
    assert list(measured) == ["as is", "again"]
    for jobs in measured.values():
        assert list(jobs) == list(SECONDS)
        assert all(len(seconds) == 1 and 0 < seconds[0] < 60 for seconds in jobs.values())
    assert told


def test_quick_measures_nothing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "measure", None)
    assert doctor.main(["--quick"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("versions   minnet ")
    assert "\n- " in printed.out
    assert "GFLOP" not in printed.out
    assert printed.err == ""


def test_the_whole_report(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "facts", lambda: FACTS)
    monkeypatch.setattr(doctor, "measure", lambda facts, tell: times())
    assert doctor.main([]) == 0
    assert capsys.readouterr().out == doctor.report(FACTS, times()) + "\n"


@pytest.mark.parametrize("arguments", [["--json"], ["--json", "--quick"]])
def test_json(monkeypatch, capsys, arguments):
    measured = times(**{ONE: rounds(step_notebook=1.4)})
    monkeypatch.setattr(doctor, "facts", lambda: FACTS | {"load": 3.1})
    monkeypatch.setattr(doctor, "measure", lambda facts, tell: measured)
    assert doctor.main(arguments) == 0
    expected = None if "--quick" in arguments else measured
    assert json.loads(capsys.readouterr().out) == {
        "facts": FACTS | {"load": 3.1},
        "times": expected,
        "findings": found({"load": 3.1}, expected),
    }


def test_json_of_this_machine(capsys):
    assert doctor.main(["--json", "--quick"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["facts"].keys() == FACTS.keys()
    assert printed["times"] is None


def test_help(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        doctor.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--quick", "--json", "ten seconds", "OPENBLAS_NUM_THREADS", "noise"))
    assert max(map(len, text.splitlines())) <= 80


def test_without_threadpoolctl(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(doctor, "measure", lambda facts, tell: {name: rounds() for name in machine.variants(facts)})
    assert doctor.main([]) == 0
    text = capsys.readouterr().out
    assert "kernel unknown; threads unknown" in text
    assert machine.facts()["library"] == "accelerate" or "threadpoolctl isn't installed" in text


def test_progress_is_for_terminals_and_is_wiped_out(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(doctor, "measure", lambda facts, tell: tell("round 1") or times())
    doctor.main(["--json"])
    drawn = capsys.readouterr().err.split("\r")
    assert [line.rstrip() for line in drawn] == ["", "round 1", "", ""]
    assert max(map(len, drawn)) < 79


def test_control_c(monkeypatch, capsys):
    def interrupted(facts, tell):
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "measure", interrupted)
    assert doctor.main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="only here can a test press Ctrl-C")
def test_control_c_ends_the_command_and_its_processes():
    # A group of its own, all of which is interrupted: so does a terminal. (Where the tests themselves run in the
    # background, Ctrl-C may be switched off, and what they start inherits it.)
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('minnet.doctor', run_name='__main__')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as command:
        assert command.stdout.readline().startswith("versions")
        for _ in range(4):
            command.stdout.readline()  # it goes on to measure
        os.killpg(command.pid, signal.SIGINT)
        _, error = command.communicate(timeout=20)
    assert error == "interrupted\n"
    assert command.returncode == 130
    for _ in range(100):
        try:
            os.killpg(command.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("some of its processes are left")


def test_a_terminal_without_our_signs_is_no_reason_to_fail(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(doctor, "facts", lambda: FACTS)
    monkeypatch.setattr(doctor, "measure", lambda facts, tell: times())
    assert doctor.main([]) == 0
    assert b"1024 ? 1024 ? 1024" in terminal.buffer.getvalue()


def test_is_imported_by_nobody_and_brings_in_no_random_numbers():
    code = textwrap.dedent("""\
        import sys, minnet
        minnet.Trainer
        assert "minnet.doctor" not in sys.modules
        import minnet.doctor
        assert "numpy.random" not in sys.modules
        assert "threadpoolctl" not in sys.modules
        """)
    subprocess.run([sys.executable, "-c", code], check=True)
