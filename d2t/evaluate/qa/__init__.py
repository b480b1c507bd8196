"""Faithfulness by questions and answers: QUALS, QAGS-style consistency, Data-QuestEval.

Torch-free: formulas, selection and reports. What answers and scores questions is a
``QuestionAnswerer`` (``d2t.decode.qa_reader.QAReader`` is one).
"""
