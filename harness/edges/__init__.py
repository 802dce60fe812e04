"""Where the outside begins: files, providers, encoders, stores."""
