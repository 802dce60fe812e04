"""What is kept: runs, baselines, vectors."""
