#!/usr/bin/env python3
"""The whole pieces of work of `genrec bench cpu` in PyTorch, on the CPU: both take turns, ratios with their spread.

Usage: scripts/bench_cpu_peers.py [--program build/release/genrec] [--rounds 5] [--only TEXT] [--no-dropout]
                                  [--precision bf16]

A round is one median of genrec and one of PyTorch, one after the other. PyTorch gets as many threads as genrec; where the
processor has AVX-512 give it ATEN_CPU_CAPABILITY=avx512. The models are plain PyTorch, as one would write them. Both beam searches
of beam_search_peers.py are measured: a careful one, and one that does what libraries do. In bf16 PyTorch runs under autocast."""
import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    sys.exit("bench_cpu_peers: PyTorch is not installed; install it (Debian: python3-torch) to compare with it")

VOCABULARY, LEVELS = 2060, 4
autocast = contextlib.nullcontext


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.w = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.w


class Attention(nn.Module):
    def __init__(self, width, heads, head_width, dropout, scale=1.0):
        super().__init__()
        inner = heads * head_width
        self.q, self.k, self.v = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.out = nn.Linear(inner, width, bias=False)
        self.heads, self.dropout, self.scale = heads, dropout, scale

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, memory, bias):
        q, k, v = self.split(self.q(x)), self.split(self.k(memory)), self.split(self.v(memory))
        scores = q @ k.transpose(-1, -2) * self.scale
        if bias is not None:
            scores = scores + bias
        p = F.dropout(scores.softmax(-1), self.dropout, self.training)
        return self.out((p @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """T5's layer (pre-norm, RMS norms, no biases)."""

    def __init__(self, width, heads, head_width, ff, dropout, cross):
        super().__init__()
        self.norms = nn.ModuleList(RmsNorm(width) for _ in range(3 if cross else 2))
        self.attention = Attention(width, heads, head_width, dropout)
        self.cross = Attention(width, heads, head_width, dropout) if cross else None
        self.up, self.down = nn.Linear(width, ff, bias=False), nn.Linear(ff, width, bias=False)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, bias, memory=None, mask=None):
        h = self.norms[0](x)
        x = x + self.drop(self.attention(h, h, bias))
        if self.cross is not None:
            x = x + self.drop(self.cross(self.norms[1](x), memory, mask))
        return x + self.drop(self.down(self.drop(F.relu(self.up(self.norms[-1](x))))))


class T5(nn.Module):
    def __init__(self, dropout, width=128, heads=6, head_width=64, ff=1024, layers=4):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        make = lambda cross: nn.ModuleList(Block(width, heads, head_width, ff, dropout, cross) for _ in range(layers))
        self.encoder, self.decoder = make(False), make(True)
        self.norms = nn.ModuleList(RmsNorm(width) for _ in range(2))
        self.biases = nn.ModuleList(nn.Embedding(32, heads) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def bias(self, side, length):
        i = torch.arange(length)
        distance = (i[None, :] - i[:, None]).clamp(-15, 16) + 15
        return self.biases[side](distance).permute(2, 0, 1)[None]

    def forward(self, sources, mask, inputs):
        x = self.drop(self.embedding(sources))
        bias = self.bias(0, sources.shape[1]) if mask is None else self.bias(0, sources.shape[1]) + mask
        for layer in self.encoder:
            x = layer(x, bias)
        memory = self.drop(self.norms[0](x))
        y = self.drop(self.embedding(inputs))
        length = inputs.shape[1]
        causal = self.bias(1, length) + torch.full((length, length), -math.inf).triu(1)
        for layer in self.decoder:
            y = layer(y, causal, memory, mask)
        h = self.drop(self.norms[1](y)) * self.embedding.weight.shape[1] ** -0.5
        return h @ self.embedding.weight.t()


def trainer(model, loss):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def t5_step(dropout, lengths):
    longest = max(lengths)
    sources, targets = torch.randint(VOCABULARY, (len(lengths), longest)), torch.randint(VOCABULARY, (len(lengths), LEVELS + 1))
    mask = None
    if min(lengths) < longest:
        padded = torch.arange(longest)[None, :] >= torch.tensor(lengths)[:, None]
        mask = torch.zeros(len(lengths), 1, 1, longest).masked_fill(padded[:, None, None, :], -math.inf)
    model = T5(dropout)
    return trainer(model, lambda: F.cross_entropy(model(sources, mask, targets).flatten(0, 1), targets.flatten()))


def real_lengths(count):
    """The distribution of genrec/workloads.cpp: 5.05 items on average, 4 % at 20, four codes an item, END."""
    generator, lengths = torch.Generator().manual_seed(1), []
    for u in torch.rand(count, generator=generator).tolist():
        items = 20 if u < 0.04 else 1 + math.floor(-4 * math.log((u - 0.04) / 0.96 + 1e-9))
        lengths.append(LEVELS * min(20, items) + 1)
    return lengths


def quantizer_step(features=4096):
    widths = [features, 2048, 1024, 512, 256, 128, 64, 32]

    def mlp(sizes):
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    model = nn.ModuleDict({"encoder": mlp(widths), "decoder": mlp(widths[::-1])})
    model["codebooks"] = nn.ModuleList(nn.Embedding(256, 32) for _ in range(LEVELS))
    rows = torch.randn(1024, features)

    def loss():
        z = model["encoder"](rows)
        residual, total, quantised = z, 0, 0
        for book in model["codebooks"]:
            q = book(torch.cdist(residual.detach(), book.weight.detach()).argmin(-1))
            total = total + F.mse_loss(q, residual.detach()) + 0.25 * F.mse_loss(residual, q.detach())
            quantised, residual = quantised + q, residual - q.detach()
        return F.mse_loss(model["decoder"](z + (quantised - z).detach()), rows) + total / LEVELS

    return trainer(model, loss)


def mmgrec_step(dropout):
    """Standard post-norm Transformer of MMGRec's sizes; its heads are 64 wide each, its relation bias is left out."""
    width, batch, tokens = 64, 1024, 520

    class Layer(nn.Module):
        def __init__(self, cross):
            super().__init__()
            self.attentions = nn.ModuleList(Attention(width, 4, width, 0.0, width**-0.5) for _ in range(2 if cross else 1))
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if cross else 2))
            self.up, self.down, self.drop = nn.Linear(width, 256), nn.Linear(256, width), nn.Dropout(dropout)

        def forward(self, x, bias=None, memory=None):
            x = self.norms[0](x + self.drop(self.attentions[0](x, x, bias)))
            if memory is not None:
                x = self.norms[1](x + self.drop(self.attentions[1](x, memory, None)))
            return self.norms[-1](x + self.drop(self.down(F.relu(self.up(x)))))

    model = nn.ModuleDict({"tokens": nn.Embedding(tokens, width), "output": nn.Linear(width, tokens)})
    model["encoder"], model["decoder"] = (nn.ModuleList(Layer(cross) for _ in range(2)) for cross in (False, True))
    items = torch.randn(6250, width)
    history, inputs = torch.randint(6250, (batch, 20)), torch.randint(tokens, (batch, 4))
    causal = torch.full((4, 4), -math.inf).triu(1)

    def loss():
        x, y = items[history], model["tokens"](inputs)
        for layer in model["encoder"]:
            x = layer(x)
        for layer in model["decoder"]:
            y = layer(y, causal, x)
        return F.cross_entropy(model["output"](y).flatten(0, 1), inputs.flatten())

    return trainer(model, loss)


def sparse_step(width):
    users, items, edges = 17112, 6250, 136226
    u, i = torch.randint(users, (edges,)), (torch.rand(edges).pow(2) * items).long() + users
    n = users + items
    index = torch.stack([torch.cat([u, i]), torch.cat([i, u])])
    matrix = torch.sparse_coo_tensor(index, torch.ones(2 * edges), (n, n)).coalesce()
    matrix = torch.sparse_coo_tensor(matrix.indices(), torch.rand(matrix.values().shape), (n, n)).coalesce()
    x = torch.randn(n, width, requires_grad=True)

    def step():
        x.grad = None
        y = torch.sparse.mm(matrix, x)
        y.backward(y.detach())

    return step


def adam_step(**options):
    w = nn.Parameter(torch.full((22400000,), 0.01))
    w.grad = torch.full_like(w, 0.01)
    return torch.optim.AdamW([w], lr=1e-3, **options).step


def beam_search(style, users):
    import beam_search_peers
    search = getattr(beam_search_peers, style + "_search")(T5(0.0).eval(), users)

    def run():
        with autocast():
            return search()

    return run


def peers(dropout):
    """By the names of `genrec bench cpu`, with a remark in brackets where there are several."""
    return {
        "T5 step, 256 sequences of 80": lambda: t5_step(dropout, [80] * 256),
        "T5 step, 256 sequences of real lengths": lambda: t5_step(dropout, real_lengths(256)),
        "RQ-VAE step, 1024 rows of 4096": quantizer_step,
        "MMGRec step, 1024 histories of 20": lambda: mmgrec_step(dropout),
        "sparse product and gradient, width 64": lambda: sparse_step(64),
        "sparse product and gradient, width 128": lambda: sparse_step(128),
        "AdamW, 22.4 million parameters": adam_step,
        "beam search 20, 64 users: all [careful]": lambda: beam_search("careful", 64),
        "beam search 20, 64 users: all [library]": lambda: beam_search("library", 64),
        "beam search 20, one user [careful]": lambda: beam_search("careful", 1),
        "beam search 20, one user [library]": lambda: beam_search("library", 1),
    }


def median_seconds(run, repeats):
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(os.path.dirname(__file__), "..", "build", "release", "genrec"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="samples of each in a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of both; bf16: the pieces with dense products")
    parser.add_argument("--no-dropout", action="store_true", help="PyTorch's models without dropout; genrec keeps its own")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    rounded = options.precision == "bf16"
    if rounded:
        global autocast
        autocast = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    print(f"PyTorch {torch.__version__}, {options.threads} threads, {torch.backends.cpu.get_cpu_capability()}"
          if hasattr(torch.backends, "cpu") and hasattr(torch.backends.cpu, "get_cpu_capability")
          else f"PyTorch {torch.__version__}, {options.threads} threads")
    print(f"{'work':42} {'genrec ms':>10} {'torch ms':>10} {'torch/genrec':>13}   over {options.rounds} rounds")
    for name, make in peers(0.0 if options.no_dropout else 0.1).items():
        if options.only not in name or rounded and not any(dense in name for dense in ("step", "beam")):
            continue
        run = make()
        run()
        ours, theirs = [], []
        work = name.split(" [")[0]
        row_name = work + (", bf16" if rounded else "")
        for _ in range(options.rounds):
            command = [options.program, "bench", "cpu", "--only", work, "--repeats", str(options.repeats), "--threads",
                       str(options.threads), "--precision", options.precision, "--json", "--quiet"]
            rows = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["rows"]
            ours.append(next(row["seconds"] for row in rows if row["name"] == row_name))
            theirs.append(median_seconds(run, options.repeats))
        ratios = sorted(b / a for a, b in zip(ours, theirs))
        print(f"{name:42} {1e3 * statistics.median(ours):10.1f} {1e3 * statistics.median(theirs):10.1f} "
              f"{statistics.median(ratios):13.2f}   {ratios[0]:.2f} to {ratios[-1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
