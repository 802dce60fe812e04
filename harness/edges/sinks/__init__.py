"""Where results are sent: GitHub's comments and issues."""
