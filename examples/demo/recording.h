// Audio files as one batch: read by libsndfile, mixed to one channel, padded with silence to the longest.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace demo {

// Something about the input that the user can mend; what() is the sentence to show.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Recordings {
  std::vector<std::string> names;           // file names without folder and extension
  std::vector<std::vector<float>> samples;  // [recording][time], all of one length
  double sample_rate = 0.0;                 // in Hz
  double seconds_left_out = 0.0;            // of the longest file, past the most that the demo takes

  int64_t time() const { return samples.empty() ? 0 : static_cast<int64_t>(samples.front().size()); }
};

// The speech that Debian's alsa-utils installs, Front_Center.wav first. Throws InputError where it is not installed.
std::vector<std::string> speech_files();

// Takes at most `most_samples` of each file. Throws InputError.
Recordings read_recordings(const std::vector<std::string>& files, int64_t most_samples);

}  // namespace demo
