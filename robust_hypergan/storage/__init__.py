"""On disk, without pickle: checkpoints, snapshots, exported networks, states of long computations."""
