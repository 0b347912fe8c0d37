"""What the CUDA kernels should cost, from what the compiler made of them and what a record says the machine gives."""
