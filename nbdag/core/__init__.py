"""The pure core: values and machines that decide; standard library only, no I/O, no clock, no threads."""
