"""Installs keras_hparam; `tools/test` and `tools/demo` do it for you."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).resolve().parent
README = ROOT / "README.md"
VERSION = re.search(r'^__version__ = "(.+)"$', (ROOT / "keras_hparam" / "__init__.py").read_text(), re.M)[1]

setuptools.setup(
    name="keras_hparam",
    version=VERSION,
    description="Hyperparameters, learning rates, architectures, ensembles and optimizers found for Keras models",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=setuptools.find_packages(include=["keras_hparam", "keras_hparam.*"]),
    package_data={"keras_hparam.pretrained": ["*/*"]},
    zip_safe=False,
    python_requires=">=3.11,<3.14",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tf-keras>=2.21,<2.22",  # tensorflow-probability imports it
        "keras>=3.12,<4",
        "keras-tuner>=1.4.8,<2",
        "tensorboard>=2.19",  # keras-tuner imports it, tensorflow no longer brings it
        "tensorflow-probability>=0.25,<0.26",
        "sentencepiece>=0.2.0",
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.3",
        "matplotlib>=3.8",
        "absl-py>=2",
    ],
    extras_require={
        "test": ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", "ruff>=0.6"],
        "corpus": ["optuna>=4.2", "cmaes>=0.11", "torch>=2.1", "onnxruntime>=1.18"],
        "benchmarks": ["optuna>=4.6", "cmaes>=0.10", "torch>=2.2", "ioh>=0.3.18", "onnxruntime>=1.18"],
    },
)
