"""Which of the processor's instructions the libraries use, so that any machine gives the same bits.

oneDNN, XLA, OpenBLAS, numpy and Arrow look at the processor and choose: sums in wider registers
are added in another order, and end in other bits. All x86-64 processors of these years have AVX2
and FMA, so that is what every process that computes is told to use, before the libraries load.

What onnxruntime chooses cannot be told. Nothing that it computes by products is recorded exactly.
"""

from __future__ import annotations

import os
import platform
import sys

from throughline.errors import ThroughlineError

INSTRUCTIONS = ("avx2", "native")

# Read once, when the library loads.
AT_START = {
    # Those of numpy's kernels that need more; numpy passes over what a processor does not have.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    # A sum that several threads share out hangs on how many there are.
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_USER_SIMD_LEVEL": "AVX2",
    # TensorFlow takes oneDNN's activations, losses and poolings where it finds AVX512-VNNI, and its
    # own elsewhere; products are oneDNN's everywhere.
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
LIBRARIES = ("numpy", "pyarrow")

# Read once, when TensorFlow or JAX first computes.
ONEDNN = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
XLA = (
    "--xla_cpu_max_isa=AVX2",
    "--xla_cpu_prefer_vector_width=256",
    # Without both: roots from rsqrtps, whose table Intel and AMD fill differently, made exact in
    # more or fewer steps by the processor's name. The one is for roots of the network, such as a
    # BatchNormalization's, the other for what XLA makes of `x / sqrt(y)`, as in RMSprop's steps.
    "--xla_cpu_enable_platform_dependent_math=false",
    "--xla_backend_extra_options=xla_cpu_disable_platform_dependent_math",
    # Chooses its kernels by itself, as onnxruntime does.
    "--xla_cpu_use_xnnpack=false",
)
NEEDED = {"AVX2": "AVX2", "FMA3": "FMA"}


class WrongProcessor(ThroughlineError):
    """The processor lacks instructions; run elsewhere, or set `instructions: native`."""


class LoadedTooEarly(ThroughlineError):
    """numpy loaded before it was told its instructions; start the process with them set."""


def fix() -> None:
    """Tell the libraries of every stage, before they load; processes begun later are told, too.

    Raises:
        LoadedTooEarly: one of them has loaded without.
    """
    untold = {name for name, value in AT_START.items() if os.environ.get(name) != value}
    loaded = [name for name in LIBRARIES if name in sys.modules]
    if untold and loaded:
        settings = " ".join(f"{name}='{value}'" for name, value in AT_START.items())
        raise LoadedTooEarly(
            f"A process that runs stages must not load {loaded[0]} before it is told which "
            "instructions to use",
            f"{', '.join(sorted(untold))} not set",
            f"Start it with: env {settings}",
        )
    os.environ.update(AT_START)


def fix_training() -> None:
    """Tell TensorFlow, oneDNN and XLA, before the first computation."""
    os.environ.update(ONEDNN)
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", AT_START["TF_ENABLE_ONEDNN_OPTS"])
    names = {flag.partition("=")[0] for flag in XLA}
    # Of a flag that stands twice the last one counts.
    others = [
        flag
        for flag in os.environ.get("XLA_FLAGS", "").split()
        if flag.partition("=")[0] not in names
    ]
    os.environ["XLA_FLAGS"] = " ".join([*others, *XLA])


def unfix_training() -> None:
    """Leave the choice to TensorFlow, if it has not loaded."""
    os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)


def check(instructions: object) -> None:
    """Refuse a processor that lacks the instructions.

    Args:
        instructions: `instructions` of params.yaml.

    Raises:
        WrongProcessor: naming what it lacks.
    """
    if instructions != "native" and (lacking := missing()):
        raise WrongProcessor(
            "Models have the same bits on every x86-64 processor with AVX2 and FMA",
            f"a processor ({platform.machine()}) without {' and '.join(lacking)}",
            "Run on another machine, or set instructions: native in params.yaml, which gives the "
            "bits of this processor",
        )


def missing() -> list[str]:
    """What the processor lacks, as it says itself; /proc/cpuinfo is the host's in an emulator."""
    import importlib

    # What `numpy.show_runtime` prints.
    found = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    return [name for feature, name in NEEDED.items() if not found.get(feature)]
