"""The pure part: values in, values out. No file, clock, environment, socket or global random state."""
