"""The kernel's calls: each says what the system refused."""

import subprocess
import sys

import pytest

from minnet.grading.sandbox import kernel

linux = pytest.mark.skipif(sys.platform != "linux", reason="these calls are Linux's")


@linux
def test_a_refusal_is_an_error_that_names_the_call():
    with pytest.raises(OSError, match="mount: "):
        kernel.mount("nothing", "/no/such/folder", "no such kind")


@linux
def test_rights_that_are_given_up_are_gone():
    code = (
        "from minnet.grading.sandbox import kernel\n"
        "kernel.drop_capabilities(); kernel.no_new_privileges()\n"
        "text = open('/proc/self/status').read()\n"
        "assert 'CapEff:\\t0000000000000000' in text and 'NoNewPrivs:\\t1' in text, text"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
