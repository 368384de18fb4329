#!/usr/bin/env python3
"""The workloads of `genrec bench gpu` in PyTorch, on the GPU: both take turns, ratios with their spread.

Usage: scripts/bench_gpu_peers.py [--program build/release/genrec] [--rounds 5] [--modes eager,reduce-overhead,max-autotune]
                                  [--precision bf16] [--only TEXT] [--dry-run]

A round is one run of `genrec bench gpu` and one median of every PyTorch variant. The models are those of bench_cpu_peers.py with
scaled_dot_product_attention (the biases and the padding as an additive mask), fused AdamW, TF32 off; sequences are padded to the
longest one, where genrec packs them. `eager` runs as it is; the other modes are those of torch.compile, whose graph is the whole
loss (and CUDA graphs, which both of them use). The beam searches are those of beam_search_peers.py, the library's eager only. In
bf16 PyTorch runs under autocast. Without PyTorch or a GPU it says so and ends with exit code 71.

Never executed: anything on a GPU, torch.compile, and PyTorch 2 itself. --dry-run runs every model once, eagerly, on the CPU and at
sizes that a CPU can bear; that has been done in both precisions with PyTorch 1.13 and stand-ins for what it lacks, the loop over the
rounds too."""
import argparse
import contextlib
import functools
import io
import json
import os
import statistics
import subprocess
import sys
import time

NO_RESOURCE = 71


def leave(why):
    print(f"bench_gpu_peers: {why}", file=sys.stderr)
    sys.exit(NO_RESOURCE)


try:
    import torch
    from torch.nn import functional as F
except ImportError:
    leave("PyTorch is not installed; install it to compare with it")

import bench_cpu_peers as models

LENGTHS = models.real_lengths(4096)  # drawn here, where the default device is the CPU


def attention(self, x, memory, bias):
    q, k, v = self.split(self.q(x)), self.split(self.k(memory)), self.split(self.v(memory))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=self.dropout if self.training else 0.0,
                                       scale=self.scale)
    return self.out(y.transpose(1, 2).flatten(2))


def trainer(mode):
    """What stands in for bench_cpu_peers.trainer: a fused optimizer, and a loss that is compiled unless the mode is eager."""

    def make(model, loss):
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=torch.cuda.is_available())
        run = loss if mode == "eager" else torch.compile(loss, mode=mode)

        def step():
            optimizer.zero_grad(set_to_none=True)
            with models.autocast():
                value = run()
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return step

    return make


def beam_search(style, mode, users):
    run = models.beam_search(style, users)
    return run if mode == "eager" else torch.compile(run, mode=mode)


def peers(mode, small):
    """By the names of `genrec bench gpu`, with a remark in brackets where there are several."""
    models.trainer, models.Attention.forward = trainer(mode), attention
    own = {name: make for name, make in models.peers(0.1).items() if "beam" not in name}
    made = {name: make for name, make in own.items() if "step" in name}
    made["T5 step, 256 sequences of 80"] = lambda: models.t5_step(0.1, [80] * (4 if small else 256))
    for batch in (256, 1024, 2048, 4096):
        lengths = LENGTHS[: 4 if small else batch]
        made[f"T5 step, {batch} sequences of real lengths"] = lambda lengths=lengths: models.t5_step(0.1, lengths)
    made["RQ-VAE step, 1024 rows of 768"] = lambda: models.quantizer_step(768)
    for name, users in (("64 users: all", 64), ("one user", 1), ("1024 users", 1024)):
        for style in ("careful", "library"):
            if style == "careful" or mode == "eager" and users < 1024:
                search = functools.partial(beam_search, style, mode, min(users, 2) if small else users)
                made[f"beam search 20, {name} [{style}]"] = search
    if mode != "eager":
        return made
    return {**own, **made, "AdamW, 22.4 million parameters": lambda: models.adam_step(fused=torch.cuda.is_available())}


def median_milliseconds(run, repeats):
    """Of one run; short ones follow each other without a wait between them, as in genrec/bench_gpu.cpp."""
    def sample(runs):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(runs):
            run()
        torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - begin)

    runs = min(max(round(2 / sample(1)), 1), 100)
    return statistics.median(sample(runs) / runs for _ in range(repeats))


def dry_run(only):
    for name, make in peers("eager", small=True).items():
        if only in name:
            make()()
            print(f"{name}: runs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(os.path.dirname(__file__), "..", "build", "release", "genrec"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20, help="samples of each in a round")
    parser.add_argument("--modes", default="eager,reduce-overhead,max-autotune")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of both")
    parser.add_argument("--only", default="")
    parser.add_argument("--dry-run", action="store_true", help="every PyTorch model once on the CPU; nothing is measured")
    options = parser.parse_args()
    torch.manual_seed(1)
    if options.precision == "bf16":
        models.autocast = lambda: torch.autocast("cpu" if options.dry_run else "cuda", dtype=torch.bfloat16)
    if options.dry_run:
        return dry_run(options.only)
    if not torch.cuda.is_available():
        leave("PyTorch sees no GPU; run it where one is, or --dry-run")
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    runs = {}
    for mode in options.modes.split(","):
        for name, make in peers(mode, small=False).items():
            if options.only not in name:
                continue
            with contextlib.redirect_stdout(io.StringIO()):  # the compiler may be talkative
                run = make()
                for _ in range(5):
                    run()
            runs[name, mode] = run
    ours, theirs = {}, {key: [] for key in runs}
    for _ in range(options.rounds):
        command = [options.program, "bench", "gpu", "--device", "cuda", "--repeats", str(options.repeats), "--precision",
                   options.precision, "--json", "--quiet", "--only", options.only.split(" [")[0]]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            leave(f"{' '.join(command)} failed: {result.stderr.strip()}")
        for row in json.loads(result.stdout)["rows"]:
            ours.setdefault(row["name"], []).append(row["milliseconds"])
        for key, run in runs.items():
            theirs[key].append(median_milliseconds(run, options.repeats))
    print(f"{'work':42} {'mode':16} {'genrec ms':>10} {'torch ms':>10} {'torch/genrec':>13}   over {options.rounds} rounds")
    for (name, mode), times in theirs.items():
        own = ours[name.split(" [")[0]]
        ratios = sorted(b / a for a, b in zip(own, times))
        print(f"{name:42} {mode:16} {statistics.median(own):10.3f} {statistics.median(times):10.3f} "
              f"{statistics.median(ratios):13.2f}   {ratios[0]:.2f} to {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
