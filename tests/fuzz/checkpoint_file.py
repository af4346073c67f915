"""Fuzzes the reader of checkpoints: whatever the bytes, networks or one line, and no memory filled.

The first byte chooses what the others are: a whole file; one that is given a right hash if it can be read,
so that what lies behind the hash is met, too; or a configuration for good tensors, likewise with a hash.
make fuzz runs it; by hand: python tests/fuzz/checkpoint_file.py -max_total_time=600
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["robust_hypergan", "json"]):
    from safetensors import SafetensorError
    from safetensors.torch import load
    from torch import nn

    from robust_hypergan.base.errors import InputError
    from robust_hypergan.models.deep_ensemble import DeepEnsemble
    from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
    from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from robust_hypergan.storage.tensor_files import HASH, save_tensors

FOLDER = Path(tempfile.mkdtemp())
PATH = FOLDER / "c.safetensors"
TINY = f"{__file__}:tiny"


def tiny() -> nn.Module:
    """A classifier of eight weights."""
    return nn.Linear(3, 2)


def good_files() -> list[bytes]:
    """A checkpoint of a HyperGAN and one of a deep ensemble."""
    members = [nn.Linear(3, 2).state_dict() for _ in range(2)]
    contents = []
    for each in (HyperGAN(tiny(), HyperGANConfig(2, 2, 2)), DeepEnsemble(tiny(), members)):
        save_checkpoint(PATH, Checkpoint(each, TINY, 2, {}))
        contents.append(PATH.read_bytes())
    return contents


GOOD = good_files()


def metadata_of(content: bytes) -> dict[str, str]:
    """What stands in the header beside the tensors."""
    import json

    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


CONFIGURATIONS = [metadata_of(content)["configuration"].encode() for content in GOOD]


def write(choice: int, content: bytes) -> None:
    """The file that the bytes stand for."""
    if choice == 0:
        PATH.write_bytes(content)
        return
    base = content if choice == 1 else GOOD[choice % 2]
    try:
        tensors, metadata = load(base), metadata_of(base)
    except (SafetensorError, ValueError, RecursionError, AttributeError):
        PATH.write_bytes(content)
        return
    metadata.pop(HASH, None)
    if choice > 1:
        metadata["configuration"] = content.decode(errors="replace")
    save_tensors(PATH, tensors, metadata, sync=False)


def try_one(data: bytes) -> None:
    """One file, loaded."""
    write(data[0] % 4 if data else 0, data[1:])
    try:
        load_checkpoint(PATH, TINY)
    except InputError as error:
        assert "\n" not in str(error)
        assert PATH.name in str(error)


if __name__ == "__main__":
    warnings.simplefilter("error")
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    seeds = [bytes([choice]) + content for choice in (0, 1) for content in GOOD]
    seeds += [bytes([2 + number % 2]) + each for number, each in enumerate(CONFIGURATIONS * 2)]
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, str(corpus)], try_one)
    atheris.Fuzz()
