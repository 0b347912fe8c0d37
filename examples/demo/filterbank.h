// A small model of the inner ear: band-pass filters of log-spaced centre frequencies, each followed by half-wave
// rectification and compression. Turns [B, T] samples into the neurons' input, the drive, [B, T, C].
#pragma once

#include <cstdint>
#include <vector>

namespace demo {

// `channels` frequencies in Hz, from 80 Hz up to 8 kHz or what the sample rate allows.
std::vector<double> centre_frequencies(int channels, double sample_rate);

// Every recording is brought to the same loudness first. The drive is >= 0.
std::vector<float> drive_of(const std::vector<std::vector<float>>& recordings, double sample_rate,
                            const std::vector<double>& centres);

}  // namespace demo
