"""Counterfactual pairs: texts of other records, attached to this one."""
