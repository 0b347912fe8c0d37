"""Other libraries beside this one, each in a process of its own (docs/benchmarks.md).

- ``cases``         what is measured: series, shapes, layers, passes
- ``registry``      who is measured: one line a peer, with what it can do and what it needs
- ``environments``  where each peer's packages lie (made from ``requirements/*.txt``, kept under .venv-peers/)
- ``worker``        the process of one peer;  ``client`` its other end
- ``measure``       sampling, interleaved with our own library;  ``gather`` runs everything within a time budget
- ``host_jax``, ``host_torch``, ``host_arrays``  from a neuron to a timed pass;  ``neurons/`` the peers themselves

Usage: ``python bench/peers --help``, or ``peers.gather.gather(...)`` for rows of a record.
"""
