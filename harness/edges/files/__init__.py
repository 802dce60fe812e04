"""What people write: configuration and suites, read strictly."""
