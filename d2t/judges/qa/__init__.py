"""Question answering metrics: QAGS, QUALS, QuestEval, consistency."""
