"""The environment on one machine: emulated AWS services, processes, ports and sample parts."""
