"""Faithfulness beyond slots: question-answering metrics, contrastive decoding."""
