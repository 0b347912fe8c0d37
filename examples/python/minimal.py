import numpy as np
import spikescan

neuron = spikescan.StochasticAssociativeLIF()
x = np.random.default_rng(0).normal(0.2, 0.1, (8, 4000, 64)).astype(np.float32)  # [batch, time, channels]
beta = np.full(64, 0.8, np.float32)  # a decay for each channel
forward = spikescan.scan(x, beta, neuron=neuron, seed=1, membrane=True, save=True)
gradients = spikescan.scan_backward(x, beta, neuron=neuron, saved=forward.saved, grad_spikes=np.ones_like(x))
finite = "finite" if np.isfinite(forward.membrane).all() and np.isfinite(gradients.x).all() else "not finite"
print(f"firing rate {forward.spikes.mean():.4f}, V and dL/dx are {finite}, dL/dbeta is {gradients.beta.shape}")
