"""The ranks of the distributed tests: python torch_ranks.py FOLDER.

Each writes FOLDER/RANKS/RANK.json: check -> "" or why not.

Every check compares with the whole problem, which each rank also computes alone.
"""

import datetime
import json
import multiprocessing
import sys
import traceback
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

import spikescan as sk
import spikescan.torch as st
from spikescan import Neuron

RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
SPLIT = sk.time_units()[0]


def make(recurrence, shape=(4, 60, 6)):
    torch.manual_seed(1)
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)
    x = torch.randn(shape) * (4 if recurrence == "psu_lif" else 0.5) + 0.3
    beta = torch.linspace(0.2, 0.9, shape[2])
    return neuron, x, beta, beta.flip(0).clone() if neuron.has_alpha else None


def leaf(tensor):
    return None if tensor is None else tensor.detach().clone().requires_grad_()


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def close_sum(ours, theirs):
    """Partial sums are added in float32 in another order: units of 2^-24 of terms that may cancel to a hundredth."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))


# ---- DTensor -------------------------------------------------------------------------------------------------------


def sharded(placement, recurrence, time_first=False, shared=False):
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    neuron, x, beta, alpha = make(recurrence)
    beta, alpha = (None if d is None else d[0] if shared else d for d in (beta, alpha))
    if time_first:
        x = x.transpose(0, 1).contiguous()
    options = {"neuron": neuron, "key": 9, "membrane": True, "final_state": True, "time_first": time_first}
    alone = [leaf(t) for t in (x, beta, alpha)]
    expected = st.scan(*alone, **options)
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    (expected.spikes * weight + expected.membrane).sum().backward()
    split = distribute_tensor(x, mesh, [placement]).requires_grad_()
    decays = [None if d is None else distribute_tensor(d, mesh, [Replicate()]).requires_grad_() for d in (beta, alpha)]
    ours = st.scan(split, *decays, **options)
    kept = isinstance(placement, Shard) and placement.dim in ((1, 2) if time_first else (0, 2))
    assert ours.spikes.placements == ((placement,) if kept else (Replicate(),)), ours.spikes.placements
    assert ours.spikes.shape == x.shape and ours.spikes.stride() == expected.spikes.stride()
    assert torch.equal(whole(ours.spikes), expected.spikes) and torch.equal(whole(ours.membrane), expected.membrane)
    for a, b in zip(ours.final_state, expected.final_state):
        assert torch.equal(whole(a), b)
    loss = (ours.spikes * distribute_tensor(weight, mesh, [placement]) + ours.membrane).sum()
    loss.backward()
    assert torch.equal(whole(split.grad), alone[0].grad)
    for d, theirs in zip(decays, alone[1:]):
        if d is not None:
            close_sum(whole(d.grad), theirs.grad)


def uneven_batch_and_plain_decay():
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    neuron, x, beta, _ = make("lif", (5, 60, 6))
    split = distribute_tensor(x, mesh, [Shard(0)]).requires_grad_()
    plain, alone = leaf(beta), leaf(beta)
    ours = st.scan(split, plain, neuron=neuron, key=9).spikes
    expected = st.scan(x, alone, neuron=neuron, key=9).spikes
    assert torch.equal(whole(ours), expected)
    ours.sum().backward()
    expected.sum().backward()
    close_sum(whole(plain.grad), alone.grad)


def two_mesh_axes():
    """Batch and channels are split at once, by either axis; plain states and uniforms are cut as x is."""
    mesh = init_device_mesh("cpu", (2, 2))
    neuron, x, beta, alpha = make("cuba_lif")
    weight, draws, initial = torch.randn(x.shape), torch.rand(x.shape), [torch.randn(4, 6) for _ in range(2)]
    alone = [leaf(t) for t in (x, beta, alpha, *initial)]
    for placements, given in (((Shard(0), Shard(2)), {"key": 9}), ((Shard(2), Shard(0)), {"uniforms": draws})):
        cut = [distribute_tensor(t, mesh, placements) for t in (x, weight)]
        mine = [leaf(cut[0]), *(leaf(t) for t in alone[1:])]
        results = []
        for (series, b, a, *states), w in ((alone, weight), (mine, cut[1])):
            for tensor in (series, b, a, *states):
                tensor.grad = None
            options = {"neuron": neuron, "initial_state": states, "membrane": True, "final_state": True, **given}
            r = st.scan(series, b, a, **options)
            (r.spikes * w + r.membrane).sum().backward()
            results.append((r.spikes, r.membrane, *r.final_state, series.grad, *(s.grad for s in states)))
        assert results[1][0].placements == results[1][1].placements == placements, placements
        for theirs, ours in zip(*results):
            assert torch.equal(whole(ours), theirs), placements
        for i in (1, 2):
            close_sum(mine[i].grad, alone[i].grad)


def channel_axes():
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    x = torch.randn((2, 60, 4, 6), generator=torch.Generator().manual_seed(0))
    expected = st.scan(x, 0.9, key=3, spikes="bits32")
    for dim in (2, 3):
        ours = st.scan(distribute_tensor(x, mesh, [Shard(dim)]), 0.9, key=3, spikes="bits32")
        assert ours.spikes.placements == ((Shard(2),) if dim == 2 else (Replicate(),))
        assert ours.spikes.shape == expected.spikes.shape
        # DTensor moves no uint32
        local = ours.spikes.to_local().view(torch.int32)
        at = dist.get_rank() * local.shape[2] if dim == 2 else 0
        assert torch.equal(local, expected.spikes.view(torch.int32)[:, :, at : at + local.shape[2]])


def no_channel_axis():
    """And a key that is itself cut, and V alone, which needs none."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    x, key = torch.randn((4, 60), generator=torch.Generator().manual_seed(0)), st.make_key(3)
    cut = distribute_tensor(x, mesh, [Shard(0)])
    expected = st.scan(x, 0.9, key=key, membrane=True)
    ours = st.scan(cut, 0.9, key=distribute_tensor(key, mesh, [Shard(0)]))
    assert torch.equal(whole(ours.spikes), expected.spikes) and ours.membrane is None
    ours = st.scan(cut, 0.9, spikes=False, membrane=True)
    assert torch.equal(whole(ours.membrane), expected.membrane) and ours.spikes is None


def partial_input():
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    x = torch.randn((2, 60, 4), generator=torch.Generator().manual_seed(0))
    summed = DTensor.from_local(x / dist.get_world_size(), mesh, [Partial()])  # halves: the sum is exact
    assert torch.equal(whole(st.scan(summed, 0.9, key=3).spikes), st.scan(x, 0.9, key=3).spikes)


# ---- DDP -----------------------------------------------------------------------------------------------------------


def ddp():
    rank, ranks = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    layer = st.SPSN(5)
    net = torch.nn.ModuleList([torch.nn.Linear(3, 5), layer])
    x = torch.randn(4, 50, 3)

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, key):
            return self.net[1](self.net[0](x), key=key)[0]

    rows = 4 // ranks
    step = torch.nn.parallel.DistributedDataParallel(Step())
    key = st.make_key(7)
    mine = step(x[rank * rows : (rank + 1) * rows], st.shift_key(key, batch=rank * rows))
    mine.square().mean().backward()
    averaged = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    everything = Step()(x, key)
    assert torch.equal(mine, everything[rank * rows : (rank + 1) * rows])
    everything.square().mean().backward()
    for ours, p in zip(averaged, net.parameters()):
        close_sum(ours, p.grad)


# ---- Time ----------------------------------------------------------------------------------------------------------


def time_sharded(
    recurrence, blocks=None, time_first=False, own_uniforms=False, steps=SPLIT, exact=True, batch=2, group=None
):
    rank, ranks = dist.get_rank(group), dist.get_world_size(group)
    neuron, x, beta, alpha = make(recurrence, (batch, ranks * steps, 2))
    draws = torch.rand(x.shape) if own_uniforms else None
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    axis = 0 if time_first else 1
    if time_first:
        x, weight = (t.transpose(0, 1).contiguous() for t in (x, weight))
        draws = draws if draws is None else draws.transpose(0, 1).contiguous()
    piece = lambda t: None if t is None else t.chunk(ranks, axis)[rank]  # noqa: E731
    alone = [leaf(t) for t in (x, beta, alpha)]
    options = {"neuron": neuron, "membrane": True, "time_first": time_first}
    expected = st.scan(*alone, key=st.make_key(5, 1), uniforms=draws, **options)
    (expected.spikes * weight + 0.01 * expected.membrane).sum().backward()
    mine = [leaf(piece(x)), leaf(beta), leaf(alpha)]
    options.update({"blocks": blocks, "group": group, "key": None if own_uniforms else st.make_key(5, 1)})
    ours = st.scan_time_sharded(*mine, uniforms=piece(draws), **options)
    (ours.spikes * piece(weight) + 0.01 * ours.membrane).sum().backward()
    if exact:
        assert torch.equal(ours.spikes, piece(expected.spikes)) and torch.equal(ours.membrane, piece(expected.membrane))
        torch.testing.assert_close(mine[0].grad, piece(alone[0].grad), rtol=1e-5, atol=1e-5)
    else:  # the state is rounded to float32 at the cut, which beta^n forgets
        torch.testing.assert_close(ours.membrane, piece(expected.membrane), rtol=1e-5, atol=1e-5)
    for d, theirs in zip(mine[1:], alone[1:]):
        if d is not None:
            dist.all_reduce(d.grad, group=group)
            close_sum(d.grad, theirs.grad)


def time_sharded_in_a_group():
    """Of all ranks but the first, with one between two others; each has several rows of a block, in time first."""
    members = range(1, dist.get_world_size())
    group = dist.new_group(members)
    if dist.get_rank() in members:
        time_sharded("cuba_lif", blocks=2, time_first=True, batch=4, group=group)


def time_sharded_channel_axes():
    """Of two channel axes and bfloat16: states and their gradients travel as float32."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    x = torch.randn((2, ranks * SPLIT, 2, 3), generator=torch.Generator().manual_seed(0)).bfloat16()
    alone, mine = leaf(x), leaf(x.chunk(ranks, 1)[rank])
    options = {"neuron": Neuron("cuba_lif"), "key": 5, "membrane": True}
    expected = st.scan(alone, 0.9, 0.8, **options)
    ours = st.scan_time_sharded(mine, 0.9, 0.8, **options)
    for r in (expected, ours):
        (r.spikes.float() + r.membrane).sum().backward()
    theirs = [t.chunk(ranks, 1)[rank] for t in (expected.spikes, expected.membrane, alone.grad)]
    assert torch.equal(ours.spikes, theirs[0]) and torch.equal(ours.membrane, theirs[1])
    torch.testing.assert_close(mine.grad, theirs[2])


def time_sharded_frozen_decays():
    """Only x wants a gradient; a neuron that draws nothing needs no key, nor does V alone."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    _, x, beta, _ = make("lif", (2, ranks * SPLIT, 2))
    neuron = Neuron("lif", "heaviside")
    alone, mine = leaf(x), leaf(x.chunk(ranks, 1)[rank])
    st.scan(alone, beta, neuron=neuron).spikes.square().sum().backward()
    ours = st.scan_time_sharded(mine, beta, neuron=neuron)
    ours.spikes.square().sum().backward()
    torch.testing.assert_close(mine.grad, alone.grad.chunk(ranks, 1)[rank], rtol=1e-5, atol=1e-5)
    assert beta.grad is None and ours.membrane is None and ours.final_state is None
    silent = st.scan_time_sharded(mine, beta, neuron=Neuron(), spikes=False, membrane=True)
    expected = st.scan(x, beta, neuron=Neuron(), spikes=False, membrane=True).membrane
    assert silent.spikes is None and torch.equal(silent.membrane, expected.chunk(ranks, 1)[rank])


def time_sharded_empty(shape):
    """A piece without elements has its gradient, and no rank waits for another's."""
    x, beta = torch.zeros(shape, requires_grad=True), torch.full(shape[2:], 0.9, requires_grad=True)
    r = st.scan_time_sharded(x, beta, neuron=Neuron(), key=1, membrane=True)
    assert r.spikes.shape == r.membrane.shape == shape
    (r.spikes.sum() + r.membrane.sum()).backward()
    assert x.grad.shape == shape and torch.all(beta.grad == 0)


def time_sharded_packed():
    """Every rank refuses pieces that are no whole words, and none waits for another: the next call is in step."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    short = datetime.timedelta(seconds=20)
    group = dist.new_group(timeout=short)
    alone = [dist.new_group([i], timeout=short) for i in range(ranks)][rank]
    _, x, beta, _ = make("lif", (2, ranks * SPLIT, 2))
    for neuron, time_first in ((Neuron(), False), (Neuron(), True), (Neuron("lif", "heaviside"), False)):
        piece = (x.transpose(0, 1)[:8] if time_first else x[:, :8]).contiguous()
        options = {"neuron": neuron, "key": 7, "spikes": "bits32", "time_first": time_first}
        try:
            st.scan_time_sharded(piece, beta, group=group, **options)
        except ValueError as error:
            said = "x's time axis has 8 steps; with spikes 'bits32' it must have a multiple of 32"
            assert str(error).startswith(said), error
        else:
            raise AssertionError("pieces of 8 steps were taken")
        whole_words = st.scan_time_sharded(piece, beta, group=alone, **options).spikes
        assert torch.equal(whole_words, st.scan(piece, beta, **options).spikes)
    options = {"neuron": Neuron(), "key": 7, "spikes": "bits32"}
    ours = st.scan_time_sharded(x.chunk(ranks, 1)[rank], beta, group=group, **options).spikes
    expected = st.scan(x, beta, **options).spikes.view(torch.int32)
    assert torch.equal(ours.view(torch.int32), expected.chunk(ranks, 1)[rank])


def a_wrong_key_is_seen():
    """The comparison above must be able to fail: a rank that forgets its place draws other numbers."""
    _, x, beta, _ = make("lif")
    expected = st.scan(x, beta, key=9).spikes
    here = x.chunk(dist.get_world_size())[dist.get_rank()]
    same = torch.equal(st.scan(here, beta, key=9).spikes, expected.chunk(dist.get_world_size())[dist.get_rank()])
    assert same == (dist.get_rank() == 0)


CHECKS_OF_TWO = {
    **{f"batch_{r}": lambda r=r: sharded(Shard(0), r) for r in RECURRENCES},
    **{f"channels_{r}": lambda r=r: sharded(Shard(2), r) for r in RECURRENCES},
    "replicated": lambda: sharded(Replicate(), "lif"),
    "time_is_gathered": lambda: sharded(Shard(1), "lif"),
    "time_first": lambda: sharded(Shard(1), "cuba_lif", time_first=True),
    "shared_decay": lambda: sharded(Shard(2), "cuba_lif", shared=True),
    "uneven_batch_and_plain_decay": uneven_batch_and_plain_decay,
    "channel_axes": channel_axes,
    "no_channel_axis": no_channel_axis,
    "partial_input": partial_input,
    "ddp": ddp,
    **{f"time_sharded_{r}": lambda r=r: time_sharded(r) for r in RECURRENCES},
    "time_sharded_time_first": lambda: time_sharded("psu_lif", blocks=1, time_first=True),
    "time_sharded_own_uniforms": lambda: time_sharded("lif", blocks=2, time_first=True, own_uniforms=True, batch=4),
    "time_sharded_channel_axes": time_sharded_channel_axes,
    "time_sharded_anywhere": lambda: time_sharded("spsn", steps=100, exact=False),
    "time_sharded_frozen_decays": time_sharded_frozen_decays,
    "time_sharded_without_batch": lambda: time_sharded_empty((0, 8, 3)),
    "time_sharded_without_time": lambda: time_sharded_empty((2, 0, 3)),
    "time_sharded_without_channels": lambda: time_sharded_empty((2, 8, 0)),
    "time_sharded_packed": time_sharded_packed,
    "a_wrong_key_is_seen": a_wrong_key_is_seen,
}
CHECKS_OF_FOUR = {"two_mesh_axes": two_mesh_axes, "time_sharded_in_a_group": time_sharded_in_a_group}
WORLDS = {2: CHECKS_OF_TWO, 4: CHECKS_OF_FOUR}


def run(rank, ranks, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=ranks)
    done = {}
    for name, check in WORLDS[ranks].items():
        try:
            check()
            done[name] = ""
        except Exception:
            done[name] = traceback.format_exc()
        (folder / f"{rank}.json").write_text(json.dumps(done))
        dist.barrier()
    dist.destroy_process_group()


def main():
    """PyTorch is imported once for all ranks; no thread runs yet that a fork would leave behind."""
    fork = multiprocessing.get_context("fork")
    for ranks in WORLDS:
        folder = Path(sys.argv[1]) / str(ranks)
        folder.mkdir()
        processes = [fork.Process(target=run, args=(rank, ranks, folder)) for rank in range(ranks)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()


if __name__ == "__main__":
    main()
