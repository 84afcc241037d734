"""What is asked of Assay before it is let near a training run, shown with real processes on loopback."""
