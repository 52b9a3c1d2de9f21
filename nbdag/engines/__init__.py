"""Where attempts run: worker threads and worker loops."""
