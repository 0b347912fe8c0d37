#include "recording.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace demo {
namespace {

namespace fs = std::filesystem;

constexpr double kFewestSeconds = 0.05;
constexpr int kLowestRate = 1000;
constexpr int64_t kBlock = 4096;  // frames read at once

struct Audio {
  std::vector<float> samples;
  int rate = 0;
  double seconds_left_out = 0.0;
};

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

void check_path(const std::string& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) throw InputError("there is no file " + file);
  if (fs::is_directory(file, ignored)) throw InputError(file + " is a folder; give an audio file");
  if (fs::is_regular_file(file, ignored) && fs::file_size(file, ignored) == 0) throw InputError(file + " is empty");
}

// The mean of the channels of every frame, up to `most_samples`.
std::vector<float> read_mixed(SNDFILE* sound, int channels, int64_t most_samples) {
  std::vector<float> mixed, block(static_cast<size_t>(kBlock * channels));
  while (static_cast<int64_t>(mixed.size()) < most_samples) {
    const int64_t wanted = std::min(kBlock, most_samples - static_cast<int64_t>(mixed.size()));
    const int64_t frames = sf_readf_float(sound, block.data(), wanted);
    if (frames <= 0) break;
    for (int64_t i = 0; i < frames; ++i) {
      float sum = 0.0f;
      for (int c = 0; c < channels; ++c) sum += block[static_cast<size_t>(i * channels + c)];
      mixed.push_back(sum / static_cast<float>(channels));
    }
  }
  return mixed;
}

Audio read_audio(const std::string& file, int64_t most_samples) {
  check_path(file);
  SF_INFO info = {};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> sound(sf_open(file.c_str(), SFM_READ, &info), sf_close);
  if (sound == nullptr) {
    throw InputError(file + " cannot be read as audio; libsndfile says: " + sf_strerror(nullptr));
  }
  if (info.samplerate < kLowestRate) {
    throw InputError(file + " has " + std::to_string(info.samplerate) + " samples a second; the demo needs at least " +
                     std::to_string(kLowestRate));
  }
  Audio audio{read_mixed(sound.get(), info.channels, most_samples), info.samplerate};
  const auto count = static_cast<int64_t>(audio.samples.size());
  if (count == 0) throw InputError(file + " holds no samples");
  const double seconds = static_cast<double>(count) / info.samplerate;
  if (seconds < kFewestSeconds) {
    throw InputError(file + " is too short: " + std::to_string(count) + " samples, " + text("%.1f ms", 1e3 * seconds) +
                     "; the demo needs at least " + text("%.0f ms", 1e3 * kFewestSeconds));
  }
  if (!std::all_of(audio.samples.begin(), audio.samples.end(), [](float s) { return std::isfinite(s); })) {
    throw InputError(file + " holds samples that are not finite numbers");
  }
  if (std::all_of(audio.samples.begin(), audio.samples.end(), [](float s) { return s == 0.0f; })) {
    throw InputError(file + " is silent: every sample is zero, and no neuron would fire");
  }
  audio.seconds_left_out = static_cast<double>(std::max<int64_t>(info.frames - count, 0)) / info.samplerate;
  return audio;
}

}  // namespace

std::vector<std::string> speech_files() {
  const fs::path folder = "/usr/share/sounds/alsa";
  std::vector<std::string> files;
  for (const char* place : {"Front_Center", "Front_Left", "Front_Right", "Rear_Center", "Rear_Left", "Rear_Right",
                            "Side_Left", "Side_Right"}) {
    const fs::path file = folder / (std::string(place) + ".wav");
    std::error_code ignored;
    if (fs::exists(file, ignored)) files.push_back(file.string());
  }
  if (files.empty()) {
    throw InputError("the speech of the package alsa-utils is not in " + folder.string() +
                     "; install that package or name an audio file");
  }
  return files;
}

Recordings read_recordings(const std::vector<std::string>& files, int64_t most_samples) {
  Recordings recordings;
  size_t longest = 0;
  for (const std::string& file : files) {
    Audio audio = read_audio(file, most_samples);
    if (!recordings.names.empty() && audio.rate != recordings.sample_rate) {
      throw InputError(file + " has " + std::to_string(audio.rate) + " samples a second and " + files.front() + " " +
                       text("%.0f", recordings.sample_rate) + "; files of one batch need the same");
    }
    recordings.sample_rate = audio.rate;
    recordings.seconds_left_out = std::max(recordings.seconds_left_out, audio.seconds_left_out);
    recordings.names.push_back(fs::path(file).stem().string());
    longest = std::max(longest, audio.samples.size());
    recordings.samples.push_back(std::move(audio.samples));
  }
  for (std::vector<float>& samples : recordings.samples) samples.resize(longest, 0.0f);
  return recordings;
}

}  // namespace demo
