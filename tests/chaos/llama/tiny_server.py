"""A llama.cpp server with a tiny generated model: random weights, a byte-level vocabulary.

Usage: tiny_server.py FOLDER; needs xllamacpp (llama.cpp and its OpenAI-compatible server as a wheel), gguf and
numpy. Writes FOLDER/tiny.gguf, prints `listening URL` when it answers, and serves until its input ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WIDTH = 64
HEADS = 4
LAYERS = 2
HIDDEN = 128
CONTEXT = 8192
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def vocabulary() -> tuple[list[bytes], list[int]]:
    tokens = [b"<unk>", b"<s>", b"</s>"]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    for byte in range(256):
        tokens.append(f"<0x{byte:02X}>".encode())
        kinds.append(gguf.TokenType.BYTE)
    for digit in range(10):
        tokens.append(str(digit).encode())
        kinds.append(gguf.TokenType.NORMAL)
    return tokens, [int(kind) for kind in kinds]


def write_model(path: Path, seed: int = 1) -> None:
    """Every token's embedding shares one direction, along which the digits' logits rise: so the model
    always answers with a digit, which one depends on all that it has read."""
    tokens, kinds = vocabulary()
    random = np.random.default_rng(seed)

    def draw(*shape: int, spread: float = 0.3) -> np.ndarray:
        return random.normal(0, spread, shape).astype(np.float32)

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("assay-tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    embedding = draw(len(tokens), WIDTH)
    embedding[:, 0] = 8
    output = draw(len(tokens), WIDTH, spread=0.15)
    output[:, 0] = -2
    output[-10:, 0] = 2
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{name}.weight", draw(WIDTH, WIDTH, spread=0.1))
        writer.add_tensor(f"{block}.ffn_gate.weight", draw(HIDDEN, WIDTH, spread=0.1))
        writer.add_tensor(f"{block}.ffn_up.weight", draw(HIDDEN, WIDTH, spread=0.1))
        writer.add_tensor(f"{block}.ffn_down.weight", draw(WIDTH, HIDDEN, spread=0.1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    model = Path(sys.argv[1]) / "tiny.gguf"
    write_model(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.warmup = False
    if len(sys.argv) > 2:
        params.api_keys = [Path(sys.argv[2]).read_text().strip()]
    server = xllamacpp.Server(params)
    print(f"listening {server.listening_address}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
