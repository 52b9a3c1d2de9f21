"""The language of cells: `%%dag_task` and the other magics. Thin: parses, and calls the public face."""
