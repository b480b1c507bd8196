"""How samplers trade diversity for faithfulness and fluency, at an equal number of samples."""
