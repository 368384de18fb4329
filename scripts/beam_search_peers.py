"""TIGER's beam search in PyTorch: a careful one, and one that does what libraries do. Used by bench_cpu_peers.py and
bench_gpu_peers.py; the model and the catalogue have the sizes of genrec/workloads.cpp."""
import math

import torch
from torch.nn import functional as F

BEAM, ITEMS, HISTORY, CODES, LEVELS = 20, 12000, 20, 256, 4
PAD, END = 0, 1
FIRST = [2 + CODES * level for level in range(LEVELS)] + [END]  # token of code 0 of a level


def attend(q, k, v, bias=None):
    """T5 does not scale its scores."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
    scores = q @ k.transpose(-1, -2)
    return (scores if bias is None else scores + bias).softmax(-1) @ v


def identifiers():
    generator = torch.Generator(device="cpu").manual_seed(1)
    codes = torch.randint(CODES, (ITEMS, LEVELS), generator=generator, device="cpu").tolist()
    return [item + [0] for item in codes]  # END is a level of one code


class Trie:
    """Children of a node stand side by side: codes[depth][node, c] and next[depth][node, c], -1 where there is no c-th child."""

    def __init__(self, identifiers):
        self.codes, self.next = [], []
        nodes = {(): 0}
        for depth in range(len(identifiers[0])):
            children = {}
            for prefix in sorted({tuple(i[: depth + 1]) for i in identifiers}):
                children.setdefault(prefix[:-1], []).append(prefix[-1])
            widest = max(map(len, children.values()))
            codes = torch.zeros(len(nodes), widest, dtype=torch.long, device="cpu")
            following = torch.full((len(nodes), widest), -1, dtype=torch.long, device="cpu")
            below = {}
            for prefix, list_of in children.items():
                for c, code in enumerate(list_of):
                    below[prefix + (code,)] = len(below)
                    codes[nodes[prefix], c], following[nodes[prefix], c] = code, below[prefix + (code,)]
            self.codes.append(codes), self.next.append(following)
            nodes = below


def sources_of(users):
    return torch.randint(2, 2 + CODES * LEVELS, (users, HISTORY * LEVELS + 1))


def encode(model, sources):
    bias = model.bias(0, sources.shape[1])
    x = model.embedding(sources)
    for layer in model.encoder:
        x = layer(x, bias)
    return model.norms[0](x)


def log_probabilities(model, y):
    return ((model.norms[1](y) * model.embedding.weight.shape[1] ** -0.5) @ model.embedding.weight.t()).log_softmax(-1)


def careful_search(model, users, width=BEAM):
    """Encodes once, keeps keys and values (those of the encoder once per user), starts with one beam, looks codes up in tables,
    all users and beams at once. One function of fixed shapes, which torch.compile can take."""
    trie = Trie(identifiers())
    device = torch.empty(0).device
    codes, following = [c.to(device) for c in trie.codes], [n.to(device) for n in trie.next]
    sources = sources_of(users)
    heads = model.decoder[0].attention.heads

    def split(x):  # [rows, inner] -> [rows, heads, 1, width]
        return x.view(x.shape[0], heads, 1, -1)

    def search():
        memory = encode(model, sources)
        crosses = [(l.cross.split(l.cross.k(memory)), l.cross.split(l.cross.v(memory))) for l in model.decoder]
        caches = [None] * len(model.decoder)
        beams, token = 1, torch.zeros(users, dtype=torch.long)
        node, score = torch.zeros(users, 1, dtype=torch.long), torch.zeros(users, 1)
        for level in range(len(codes)):
            y = model.embedding(token)
            position = model.bias(1, level + 1)[:, :, -1:, :]
            for i, layer in enumerate(model.decoder):
                h = layer.norms[0](y)
                k, v = split(layer.attention.k(h)), split(layer.attention.v(h))
                if caches[i] is not None:
                    k, v = torch.cat([caches[i][0], k], 2), torch.cat([caches[i][1], v], 2)
                caches[i] = (k, v)
                y = y + layer.attention.out(attend(split(layer.attention.q(h)), k, v, position).flatten(1))
                q = layer.cross.q(layer.norms[1](y)).view(users, beams, heads, -1).transpose(1, 2)
                a = attend(q, *crosses[i])  # the beams of a user share keys
                y = y + layer.cross.out(a.transpose(1, 2).reshape(users * beams, -1))
                y = y + layer.down(F.relu(layer.up(layer.norms[2](y))))
            logp = log_probabilities(model, y).view(users, beams, -1)
            children, below = codes[level][node.clamp(min=0)], following[level][node.clamp(min=0)]
            total = score[..., None] + logp.gather(2, children + FIRST[level])
            total = total.masked_fill((below < 0) | (node < 0)[..., None], -math.inf).flatten(1)
            kept = min(width, total.shape[1])
            score, place = total.topk(kept, dim=1)
            parent = place // children.shape[2]
            token = (children.flatten(1).gather(1, place) + FIRST[level]).flatten()
            node = below.flatten(1).gather(1, place)
            rows = (torch.arange(users)[:, None] * beams + parent).flatten()
            caches = [(k[rows], v[rows]) for k, v in caches]
            beams = kept
        return node, score

    return torch.no_grad()(search)


def library_search(model, users, width=BEAM):
    """What a library's generate() does with a prefix function: the encoder's output repeated per beam, all beams from the first
    step on, keys and values of both attentions kept and reordered, a mask of the vocabulary made in Python from a tree of
    dictionaries."""
    tree = {}
    for item in identifiers():
        node = tree
        for level, code in enumerate(item):
            node = node.setdefault(FIRST[level] + code, {})
    sources = sources_of(users)
    rows = users * width

    def allowed(tokens):
        node = tree
        for token in tokens:
            node = node[token]
        return list(node)

    def search():
        memory = encode(model, sources).repeat_interleave(width, 0)
        crosses = [(l.cross.split(l.cross.k(memory)), l.cross.split(l.cross.v(memory))) for l in model.decoder]
        caches = [None] * len(model.decoder)
        sequences = torch.full((rows, 1), PAD, dtype=torch.long)
        score = torch.full((users, width), -1e9)
        score[:, 0] = 0
        for level in range(LEVELS + 1):
            y = model.embedding(sequences[:, -1:])
            position = model.bias(1, level + 1)[:, :, -1:, :]
            for i, layer in enumerate(model.decoder):
                a = layer.attention
                h = layer.norms[0](y)
                k, v = a.split(a.k(h)), a.split(a.v(h))
                if caches[i] is not None:
                    k, v = torch.cat([caches[i][0], k], 2), torch.cat([caches[i][1], v], 2)
                caches[i] = (k, v)
                y = y + a.out(attend(a.split(a.q(h)), k, v, position).transpose(1, 2).flatten(2))
                a = layer.cross
                y = y + a.out(attend(a.split(a.q(layer.norms[1](y))), *crosses[i]).transpose(1, 2).flatten(2))
                y = y + layer.down(F.relu(layer.up(layer.norms[2](y))))
            logp = log_probabilities(model, y[:, 0])
            mask = torch.full_like(logp, -math.inf)
            for row, tokens in enumerate(sequences[:, 1:].tolist()):
                mask[row, allowed(tokens)] = 0
            total = score.reshape(rows, 1) + logp + mask
            score, place = total.view(users, -1).topk(2 * width, dim=1)
            score, place = score[:, :width], place[:, :width]
            parents = (torch.arange(users)[:, None] * width + place // logp.shape[1]).flatten()
            sequences = torch.cat([sequences[parents], (place % logp.shape[1]).view(-1, 1)], 1)
            caches = [(k[parents], v[parents]) for k, v in caches]
            crosses = [(k[parents], v[parents]) for k, v in crosses]
        return sequences, score

    return torch.no_grad()(search)
