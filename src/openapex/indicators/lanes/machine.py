"""LLVM code to machine code: optimised, kept on disk, loaded.  Imports no more of llvmlite than its binding (70 ms).

What lies on disk is checked against its own digest, so damage costs a compilation, never a wrong number.
"""

import ctypes
import hashlib
import os
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import llvmlite
from llvmlite import binding

Run: TypeAlias = Callable[[int], None]
"""Machine code: is given the address of its arguments, holds no lock of the interpreter."""
_ENGINES: list[Any] = []
MOST_KEPT = 400
"""Kernels on disk; beyond it those that were written first are removed."""


def machine_code(text: str) -> bytes:
    """Return optimised machine code of this processor for a module of LLVM code."""
    machine = _target()
    module = binding.parse_assembly(text)
    module.triple = machine.triple
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False  # lanes are vectors already
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def loaded(code: bytes) -> Run:
    """Return the function ``run`` of machine code, callable from any thread."""
    machine = _target()
    empty = binding.parse_assembly(f'target triple = "{machine.triple}"')
    engine = binding.create_mcjit_compiler(empty, machine)  # owns the machine from here on
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)  # lives as long as what it made
    run: Run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address("run"))
    return run


@cache
def processor() -> str:
    """Return what machine code depends on besides its text."""
    features = binding.get_host_cpu_features().flatten()
    return f"{binding.get_default_triple()} {binding.get_host_cpu_name()} {features} {llvmlite.__version__}"


def read_kernel(name: str) -> bytes | None:
    """Return the machine code that was kept under a name, None where there is none that is sound."""
    for folder in _folders():
        try:
            held = (folder / f"{name}.apex").read_bytes()
        except OSError:
            continue
        if hashlib.sha256(held[32:]).digest() == held[:32]:
            return held[32:]
    return None


def write_kernel(name: str, code: bytes) -> None:
    """Keep machine code under a name, whole or not at all; where no folder can be written, say so."""
    faults = []
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fresh = folder / f"{name}.{os.getpid()}.{threading.get_ident()}.new"
            fresh.write_bytes(hashlib.sha256(code).digest() + code)
            fresh.replace(folder / f"{name}.apex")
        except OSError as error:
            faults.append(str(error))
        else:
            with suppress(OSError):  # another process may be tidying up too
                _tidied(folder)
            return
    warnings.warn(
        f"compiled indicators cannot be kept and are compiled anew each time: {'; '.join(faults)}", stacklevel=2
    )


def _tidied(folder: Path) -> None:
    kept = sorted(folder.glob("*.apex"), key=lambda file: file.stat().st_mtime)
    for file in kept[:-MOST_KEPT]:
        file.unlink(missing_ok=True)


def _folders() -> tuple[Path, ...]:
    """Return where kernels are kept: where told, or beside this file, or else in the user's cache."""
    told = os.environ.get("APEX_KERNELS")
    if told:
        return (Path(told),)
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(__file__).with_name("__pycache__"), Path(user) / "openapex"


@cache
def _native() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def _target() -> Any:
    _native()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
        jit=True,
    )
