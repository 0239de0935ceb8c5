"""Vectors of all-MiniLM-L6-v2 computed a second way: WordPiece and BERT written out with numpy.

Usage: python3 minilm_reference.py <folder of the model> > minilm_reference.json

Nothing of it is shared with the program: the tokenizer is read from vocab.txt, the weights straight
from the safetensors file, every text is computed alone and without padding, in double precision.
"""

import json
import math
import struct
import sys
import unicodedata
from pathlib import Path

import numpy as np

LONG = (
    "Der Netzbetreiber verrechnet die Netznutzung nach dem gemessenen Bezug in Viertelstunden, und die "
    "Rückspeisung aus der Photovoltaikanlage wird getrennt vergütet. "
)
TEXTS = [
    "How much does a kilowatt hour cost at night?",
    "Was kostet eine Kilowattstunde in der Nacht?",
    "Der Wechselrichter schaltet bei 253 V ab; größere Anlagen benötigen einen Kuppelschalter.",
    "Müssen Wärmepumpen über Öl-Härtegrade prüfen? Ja, jährlich – spätestens zum 31.12.",
    "Le tarif de nuit s'applique de 22h à 6h, sauf le dimanche.",
    "L'energia immessa in rete è remunerata a 9,5 ct./kWh.",
    "Battery: 10 kWh usable, 96 % round-trip efficiency, -10 °C to +50 °C.",
    "PV",
    "| Zeit | Tarif |\n| 06:00 | 27.31 Rp./kWh |",
    "naïve café — résumé 東京 😀 x²",
    LONG * 6,
]


def read_safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, base = json.loads(raw[8 : 8 + length]), 8 + length
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        values = np.frombuffer(raw[base + start : base + end], dtype="<f4")
        tensors[name] = values.reshape(entry["shape"]).astype(np.float64)
    return tensors


def is_punctuation(letter):
    code = ord(letter)
    ascii_sign = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_sign or unicodedata.category(letter).startswith("P")


def is_cjk(letter):
    code = ord(letter)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF


def words(text):
    cleaned = []
    for letter in text:
        if letter in "\t\n\r":
            cleaned.append(" ")
        elif ord(letter) in (0, 0xFFFD) or unicodedata.category(letter).startswith("C"):
            continue
        elif is_cjk(letter):
            cleaned.append(f" {letter} ")
        else:
            cleaned.append(" " if unicodedata.category(letter) == "Zs" else letter)
    plain = unicodedata.normalize("NFD", "".join(cleaned))
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Mn").lower()
    found = []
    for word in plain.split():
        current = ""
        for letter in word:
            if is_punctuation(letter):
                found += [part for part in (current, letter) if part]
                current = ""
            else:
                current += letter
        if current:
            found.append(current)
    return found


def pieces(word, vocabulary):
    if len(word) > 100:
        return ["[UNK]"]
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                found.append(piece)
                start = end
                break
        else:
            return ["[UNK]"]
    return found


def layer_norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * weight + bias


def forward(ids, w, config):
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    erf = np.vectorize(math.erf)
    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + w["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"], eps)
    for number in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{number}."

        def dense(name, value):
            return value @ w[f"{at}{name}.weight"].T + w[f"{at}{name}.bias"]

        def normed(name, value):
            return layer_norm(value, w[f"{at}{name}.weight"], w[f"{at}{name}.bias"], eps)

        def split(name):
            return dense(f"attention.self.{name}", x).reshape(len(ids), heads, -1).transpose(1, 0, 2)

        query, key, value = split("query"), split("key"), split("value")
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares = shares / shares.sum(-1, keepdims=True)
        seen = (shares @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = normed("attention.output.LayerNorm", dense("attention.output.dense", seen) + x)
        wide = dense("intermediate.dense", x)
        wide = 0.5 * wide * (1.0 + erf(wide / math.sqrt(2.0)))
        x = normed("output.LayerNorm", dense("output.dense", wide) + x)
    return x


def main():
    folder = Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {word: number for number, word in enumerate(lines)}
    weights = read_safetensors(folder / "model.safetensors")
    cases = []
    for text in TEXTS:
        tokens = [piece for word in words(text) for piece in pieces(word, vocabulary)]
        ids = [vocabulary[token] for token in ["[CLS]", *tokens, "[SEP]"]]
        pooled = forward(np.array(ids), weights, config).mean(0)
        pooled = pooled / np.linalg.norm(pooled)
        vector = [round(float(number), 6) for number in pooled]
        cases.append({"text": text, "tokens": len(ids), "vector": vector})
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    print(f"[\n{rows}\n]")


if __name__ == "__main__":
    main()
