"""The operating system's side of a worker: signals, forks, processes, cores, output."""
