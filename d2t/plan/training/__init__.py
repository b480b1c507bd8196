"""Training of the neural planner."""
