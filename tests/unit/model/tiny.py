"""A small world to train in: labelled sentences, a tokenizer and a BERT with random weights, all from a seed.

Trained in seconds, yet with all parts of the real thing. Some sentences have
the wrong label, so that no model gets everything right.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from model.labels import LABELS

WORDS = {
    "negative": ["awful", "terrible", "late", "rude", "broken", "angry", "lost", "worst"],
    "neutral": ["monday", "gate", "meeting", "report", "parcel", "window", "number", "noon"],
    "positive": ["great", "lovely", "wonderful", "happy", "superb", "thanks", "kind", "best"],
}
FILLERS = ["the", "flight", "was", "my", "order", "and", "today", "with", "crew", "it", "at", "http", "@user", "so"]
HIDDEN_SIZE = 32
VOCABULARY = 400

Row = tuple[str, str]


def labelled_rows(count: int, seed: int) -> list[Row]:
    """(text, label), the labels in turn; one in ten is wrong."""
    draw = random.Random(seed)
    rows: list[Row] = []
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        words = draw.choices(FILLERS, k=draw.randint(1, 14)) + draw.choices(WORDS[label], k=draw.randint(1, 3))
        draw.shuffle(words)
        rows.append((" ".join(words), draw.choice(LABELS) if draw.random() < 0.1 else label))
    return rows


def write_tsv(path: Path, rows: list[Row]) -> Path:
    body = "".join(f"{number}\t{label}\t{text}\n" for number, (text, label) in enumerate(rows))
    path.write_text(f"id\tlabel\ttext\n{body}", encoding="utf-8")
    return path


def make_tokenizer() -> Any:
    """A WordPiece tokenizer trained on the world's sentences."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token=special[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([text for text, _ in labelled_rows(600, 1)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def bert_shape(**more: Any) -> Any:
    """Configuration of a BERT of two layers."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        **more,
    )


def write_base(folder: Path) -> Path:
    """An encoder with random weights, as a folder of the transformers library."""
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    BertModel(bert_shape()).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def write_classifier(folder: Path, labels: list[str], **more: Any) -> Path:
    """An untrained BERT classifier whose labels have the given names, as one finds on a hub."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    names = dict(enumerate(labels))
    shape = bert_shape(id2label=names, label2id={name: index for index, name in names.items()}, **more)
    network = BertForSequenceClassification(shape)
    # Random weights would call all texts the same; a larger head makes them differ.
    network.classifier.weight.data *= 40
    network.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder
