"""What makes XLA compile fast and badly: for programs that nobody times. What they compute hangs on none of it."""

OPTIONS = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}  # of one compilation
FLAGS = " ".join(f"--{name}={str(value).lower()}" for name, value in OPTIONS.items())  # XLA_FLAGS, of a process
