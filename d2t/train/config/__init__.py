"""What a training run is: options, their constraints and files."""
