"""Whole trainings: from a configuration to a bundle."""

OBJECTIVES = {
    "counterfactual": "d2t.recipes.counterfactual",
    "conseq": "d2t.recipes.conseq.objective",
}
"""The training objectives that come with d2t, by name: the module that registers each."""
