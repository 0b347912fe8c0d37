"""Runs every peer within a time budget: rows for a record, and who is absent and why."""

import collections
import dataclasses
import os
import sys
import time

from peers import environments, registry
from peers.cases import cases_of
from peers.client import Client, Stopped
from peers.measure import Growth, alternate, summary

DTYPE = "float32"
RULES = {
    "snntorch": "heaviside", "spikingjelly": "heaviside", "norse": "heaviside",
    "accelerated-scan": "none", "fla-hgrn": "none", "mamba-ssm": "none",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Limits:
    """seconds: for all measuring, without making environments. run_seconds: no single run may take longer.
    case_seconds: for the samples of a case.

    prepare_seconds: for data, compiling and two runs of one case.
    """

    seconds: float = 480.0
    run_seconds: float = 4.0
    case_seconds: float = 0.6
    prepare_seconds: float = 45.0
    most_samples: int = 11


TIME_OVER = "this peer's share of the time was over"


class Skipped:
    """Cases that were not measured, and why; longer ones of the same kind are not tried."""

    def __init__(self):
        self.kinds, self.reasons = set(), collections.defaultdict(list)

    @staticmethod
    def kind(case):
        return (*Growth.key(case), case.C if case.series == "layer_ablation" else None)

    def covers(self, case):
        return self.kind(case) in self.kinds

    def add(self, case, reason):
        self.kinds.add(self.kind(case))
        self.reasons[reason].append(case)

    def sentences(self):
        """'<reason>: <series> <what> from <shape> on, ...' for each reason."""
        parts = []
        for reason, cases in self.reasons.items():
            by_series = collections.defaultdict(list)
            for case in cases:
                by_series[case.series].append(case)
            briefs = [self.brief(series, found) for series, found in by_series.items()]
            parts.append(f"{reason}: {', '.join(briefs)}")
        return "; ".join(parts)

    @staticmethod
    def brief(series, cases):
        first = min(cases, key=lambda case: (case.effort, case.T))
        passes = "/".join(dict.fromkeys(case.pass_name for case in cases))
        kinds = "/".join(dict.fromkeys(case.layer for case in cases if case.layer))
        return f"{series} {passes} {kinds}".strip() + f" from {first.B}x{first.T}x{first.C} on"


class Gathering:
    def __init__(self, package, device, device_name, limits, threads, progress=None):
        self.package, self.device, self.device_name = package, device, device_name
        self.limits, self.threads = limits, threads
        self.say = progress or (lambda text: None)
        self.rows, self.absent, self.environments = [], [], {}
        self.ours_samples = collections.defaultdict(list)
        self.ours_answers, self.launched = {}, {}

    def launch(self, peers):
        """On a GPU machine, which has cores and memory for it, all import their frameworks at the same time."""
        if self.device != "cpu":
            self.launched = {peer.slug: self.client(peer) for peer in peers}
            for client in self.launched.values():
                client.launch()

    def client(self, peer):
        """May raise environments.Unavailable."""
        if peer.slug in self.launched:
            return self.launched.pop(peer.slug)
        folders = self.environment(peer)
        if isinstance(folders, environments.Unavailable):
            raise folders
        variables = environments.variables(folders, self.package, self.threads, self.device)
        return Client(peer.module, self.device, self.threads, variables)

    def environment(self, peer):
        """The folders of a peer's packages, made when first asked for; or the reason why there are none, as a value."""
        if not peer.environment or self.device != "cpu" or peer.needs_gpu:  # a GPU machine measures with what it has
            return []
        if peer.environment not in self.environments:
            self.say(f"environment of {peer.slug}")
            try:
                self.environments[peer.environment] = environments.make(peer.environment)
            except environments.Unavailable as reason:
                self.environments[peer.environment] = reason
        return self.environments[peer.environment]

    def leave_out(self, peer, version, reason):
        self.absent.append({"peer": peer.slug, "version": version, "reason": reason})

    def row(self, peer, version, case, answer, samples):
        rule = RULES.get(peer.slug, "sigmoid_bernoulli")
        if case.recurrence is None:
            rule = None
        elif case.series == "headline" and case.recurrence == "lif":
            rule = "heaviside"
        elif case.recurrence == "cuba_lif" and peer.slug.startswith("spyx"):
            rule = "refractory_sigmoid_bernoulli"
        figures = summary(samples)
        return {
            "name": case.name(peer.slug, self.device),
            "pass": case.pass_name,
            "recurrence": case.recurrence,
            "rule": rule,
            "dtype": DTYPE,
            "spikes": None if rule in (None, "none") or case.pass_name == "backward" else DTYPE,
            "B": case.B,
            "T": case.T,
            "C": case.C,
            "backend": self.device,
            "device": self.device_name,
            **figures,
            "bytes": None,
            "share_of_copy": None,
            "elements_per_second": case.elements / figures["median_seconds"] if samples else None,
            "firing_rate": answer["firing_rate"],
            "peer": None if peer.ours else f"{peer.title} ({version})",
            "peak_bytes": answer["peak_bytes"],
            "compile_seconds": answer["compile_seconds"],
            "layer": case.layer,
            "layout": case.layout,
            "series": case.series,
            "work": answer["work"],
        }

    # ---- Our own side of the interleaving ----------------------------------------------------------------------------

    def prepare_ours(self, ours, case):
        """How long one run takes, or None where our plain call has no such case (a Linear, a training step)."""
        if case.layer != "neuron" or case.pass_name == "train_step":
            return None
        mine = dataclasses.replace(case, layout="ours")
        answer = ours.prepare(mine, 120)
        if "unsupported" in answer:
            return None
        self.ours_answers.setdefault(mine, answer)
        return answer["once_seconds"]

    def ours_rows(self, version):
        for case, samples in self.ours_samples.items():
            self.rows.append(self.row(registry.OURS, version, case, self.ours_answers[case], samples))

    # ---- A peer ------------------------------------------------------------------------------------------------------

    def one_case(self, peer, client, ours, case, growth):
        """A sentence where it was not measured."""
        limits, predicted = self.limits, growth.predict(case)
        if predicted is not None and predicted > limits.run_seconds:
            return f"one run would take about {predicted:.0f} s; the limit is {limits.run_seconds:g} s"
        answer = client.prepare(case, limits.prepare_seconds)
        if "unsupported" in answer:
            return answer["unsupported"]
        once = answer["once_seconds"]
        growth.add(case, once)
        ours_once = self.prepare_ours(ours, case)
        partner = ours if ours_once is not None else None
        theirs, mine = alternate(client, once, partner, ours_once, limits.case_seconds, limits.most_samples)
        self.rows.append(self.row(peer, client.hello_answer["version"], case, answer, theirs))
        if mine:
            self.ours_samples[dataclasses.replace(case, layout="ours")] += mine
        return None

    def one_peer(self, peer, cases, ours, seconds):
        if peer.needs_gpu and self.device == "cpu":
            return self.leave_out(peer, None, peer.needs_gpu)
        try:
            client = self.client(peer)
        except environments.Unavailable as reason:
            return self.leave_out(peer, None, f"cannot be installed here: {reason}")
        skipped = Skipped()
        try:
            # Importing a framework is no part of anyone's share.
            client.start()
            if "unsupported" in client.hello_answer:
                return self.leave_out(peer, None, client.hello_answer["unsupported"])
            version = client.hello_answer["version"]
            self.all_cases(peer, client, ours, cases, time.monotonic() + seconds, skipped)
        except Stopped as stopped:
            return self.leave_out(peer, None, str(stopped))
        finally:
            client.stop()
        if skipped.reasons:
            self.leave_out(peer, version, skipped.sentences())

    def all_cases(self, peer, client, ours, cases, deadline, skipped):
        growth = Growth()
        for case in cases:
            if skipped.covers(case):
                continue
            if time.monotonic() > deadline:
                skipped.add(case, TIME_OVER)
                continue
            self.say(case.name(peer.slug, self.device))
            try:
                reason = self.one_case(peer, client, ours, case, growth)
            except Stopped as stopped:  # the next case starts it anew
                reason = str(stopped)
            if reason:
                skipped.add(case, reason)

    def run(self, peers, tiny, series):
        ours = self.client(registry.OURS)
        try:
            self.launch(peers)
            ours.start()
            if "unsupported" in ours.hello_answer:
                raise RuntimeError(f"our own library cannot be called: {ours.hello_answer['unsupported']}")
            for peer in peers:  # before the clock runs
                self.environment(peer)
            deadline = time.monotonic() + self.limits.seconds
            for number, peer in enumerate(peers):
                left = deadline - time.monotonic()
                self.one_peer(peer, cases_of(peer, tiny, series), ours, max(left, 0) / (len(peers) - number))
            self.ours_rows(ours.hello_answer["version"])
        finally:
            for client in (ours, *self.launched.values()):
                client.stop()
        return self.rows, self.absent


def gather(
    package, device="cpu", device_name=None, limits=None, only=None, tiny=False, threads=None, progress=None, series=None
):
    """(rows, absent_peers) of a record (bench/record.schema.json). `package`: the folder with the spikescan package.

    only: slugs of peers in the order in which they are measured, or None for all; series: likewise. Raises RuntimeError
    where our own package cannot be loaded.
    """
    chosen = registry.PEERS if only is None else [registry.find(slug) for slug in only]
    threads = threads or len(os.sched_getaffinity(0))
    work = Gathering(package, device, device_name, limits or Limits(), threads, progress)
    try:
        return work.run(chosen, tiny, series)
    except (Stopped, OSError) as error:
        raise RuntimeError(f"our own library's process: {error}") from error


def progress_line(text, stream=sys.stderr):
    if stream.isatty():
        stream.write(f"\r\033[K{text[:110]}")
        stream.flush()
