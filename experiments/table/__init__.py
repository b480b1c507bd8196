"""Train and score the rows of a table; resumable, row by row and setting by setting."""
