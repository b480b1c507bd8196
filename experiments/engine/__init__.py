"""What the experiment runners share: processes, generated and scored files, numbers in tables."""
