"""Faithfulness beyond slots: QA metrics, contrastive and counterfactual methods, LAS, ablation."""
