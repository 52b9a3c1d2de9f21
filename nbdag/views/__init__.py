"""Records made visible: frames, pictures, the live panel. Views take records and return objects."""
