"""Thread counts, fixed by environment variables before NumPy and TensorFlow are imported."""

import os

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TENSORFLOW = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def pin(num_processes):
    """One thread for BLAS and OpenMP; of several processes, each has one for TensorFlow too.

    It acts on this process, if nothing has been computed yet, and on its children.
    """
    os.environ.update(dict.fromkeys(BLAS if num_processes == 1 else BLAS + TENSORFLOW, "1"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
