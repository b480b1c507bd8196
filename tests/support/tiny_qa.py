"""A QA model with random weights, made in a moment: for tests of scoring, search and files."""

from __future__ import annotations

import torch

from d2t.judges.qa.model import QAModel
from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.training.pairs import qa_symbols
from d2t.model.config import TransformerConfig
from d2t.model.tokenizer import Tokenizer
from d2t.model.transformer import TransformerModel
from d2t.mr.domain import load_domain

DOMAIN = load_domain("restaurant")
QUESTIONS = load_questions(DOMAIN)
CONFIG = TransformerConfig(encoder_layers=1, decoder_layers=2, width=16, ffn=32, heads=2)


def tiny_model(seed: int = 0) -> QAModel:
    texts = [w.lower() for asking in QUESTIONS.slots.values() for w in asking.ask]
    texts += ["a cheap italian pub by the river serves food near it, not for families. none yes no"]
    tokenizer = Tokenizer.train(texts, qa_symbols(DOMAIN), 500)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TransformerModel(CONFIG, **tokenizer.ids).eval()
    return QAModel(DOMAIN, QUESTIONS.source, tokenizer, network, {"made": "in a test"})
