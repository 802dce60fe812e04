"""A language model made of data, in process and as a server on loopback."""
