"""This library by its own Python call."""

import spikescan

from peers import host_arrays


def version():
    return spikescan.version()


def build(case, device):
    return host_arrays.Program(case, device)
