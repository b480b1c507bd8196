"""The reproduction table: every strategy, planner and augmentation, in every order and decoder."""
