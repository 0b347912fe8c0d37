#include "report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "npy.h"

namespace demo {
namespace {

namespace sk = spikescan;

constexpr double kBinSeconds = 2e-3;      // of the overview
constexpr double kWindowSeconds = 40e-3;  // of the close-up
constexpr const char* kDevices[] = {"auto", "cpu", "cuda"};

// Mean over bins of `bin` steps of the first recording: [T / bin, C].
template <class T>
std::vector<float> binned(const std::vector<T>& values, int64_t bin, int64_t time, int64_t channels) {
  std::vector<float> means(static_cast<size_t>(time / bin * channels));
  for (int64_t t = 0; t < time / bin * bin; ++t) {
    for (int64_t c = 0; c < channels; ++c) {
      means[static_cast<size_t>(t / bin * channels + c)] += static_cast<float>(values[t * channels + c]) / bin;
    }
  }
  return means;
}

// The loudest stretch of `length` steps, by the drive of the first recording.
int64_t loudest(const Sound& sound, int64_t length) {
  const int64_t step = std::max<int64_t>(length / 8, 1);
  const std::vector<float> means = binned(sound.drive, step, sound.shape.time, sound.shape.channels);
  const int64_t count = static_cast<int64_t>(means.size()) / sound.shape.channels;
  std::vector<double> level(static_cast<size_t>(count));
  for (size_t i = 0; i < means.size(); ++i) level[i / sound.shape.channels] += means[i];
  double most = -1.0;
  int64_t best = 0;
  for (int64_t first = 0; first + 8 <= count; ++first) {
    double sum = 0.0;
    for (int64_t i = first; i < first + 8; ++i) sum += level[i];
    if (sum > most) {
      most = sum;
      best = first * step;
    }
  }
  return best;
}

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
    json += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? escaped : std::string(1, c);
  }
  return json + "\"";
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string row_json(const Row& row, const Sound& sound, const std::string& device) {
  return "{\"neuron\": " + quoted(row.neuron.name) + ", \"rule\": " + quoted(row.neuron.rule) +
         ", \"pass\": " + quoted(row.pass.name) + ", \"backend\": " + quoted(device) +
         ", \"B\": " + std::to_string(sound.shape.batch) + ", \"T\": " + std::to_string(sound.shape.time) +
         ", \"C\": " + std::to_string(sound.shape.channels) + ", \"firing_rate\": " + number(row.firing_rate) +
         ", \"threshold\": " + number(row.neuron.options.threshold) +
         ", \"median_seconds\": " + number(row.pass.median_seconds) + ", \"bytes\": " + number(row.pass.bytes) +
         ", \"share_of_copy\": " + number(row.pass.speed() / row.pass.copy_speed) + "}";
}

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::done() {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
}

void Progress::step(const std::string& what) {
  std::fprintf(stderr, terminal_ ? "\r\033[K%s ..." : "%s\n", what.c_str());
  std::fflush(stderr);
}

void print_table(const std::vector<Row>& rows, const Sound& sound, sk::Device device) {
  std::printf("%-9s %-29s %-9s %-7s %3s %8s %4s %8s %9s %7s %8s\n", "neuron", "firing rule", "pass", "backend", "B",
              "T", "C", "firing", "median", "GB/s", "of copy");
  for (const Row& row : rows) {
    const Pass& pass = row.pass;
    std::printf("%-9s %-29s %-9s %-7s %3lld %8lld %4lld %7.2f%% %6.2f ms %7.2f %7.1f%%\n", row.neuron.name.c_str(),
                row.neuron.rule.c_str(), pass.name.c_str(), kDevices[static_cast<int>(device)],
                static_cast<long long>(sound.shape.batch), static_cast<long long>(sound.shape.time),
                static_cast<long long>(sound.shape.channels), 100.0 * row.firing_rate, 1e3 * pass.median_seconds,
                1e-9 * pass.speed(), 100.0 * pass.speed() / pass.copy_speed);
  }
}

Files::Files(std::string folder, const Recordings& recordings, const Sound& sound, sk::Device device)
    : folder_(std::move(folder)), recordings_(recordings), sound_(sound), device_(kDevices[static_cast<int>(device)]) {
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  if (failed) throw InputError("cannot make the folder " + folder_ + ": " + failed.message());
  const int64_t time = sound.shape.time, channels = sound.shape.channels;
  bin_ = std::max<int64_t>(static_cast<int64_t>(kBinSeconds * sound.sample_rate), 1);
  window_ = std::min(time, static_cast<int64_t>(kWindowSeconds * sound.sample_rate));
  window_start_ = std::min(loudest(sound, window_), time - window_);
  write_npy(folder_ + "/sound.npy", recordings.samples.front(), {time});
  write_npy(folder_ + "/drive.npy", binned(sound.drive, bin_, time, channels), {time / bin_, channels});
}

void Files::add(const Neuron& neuron, const Behaviour& behaviour) {
  const int64_t channels = sound_.shape.channels;
  const auto closeup = [&](const auto& values) {
    const auto first = values.begin() + window_start_ * channels;
    return std::vector(first, first + window_ * channels);
  };
  const std::string start = folder_ + "/" + neuron.name;
  write_npy(start + "_rate.npy", binned(behaviour.spikes, bin_, sound_.shape.time, channels),
            {sound_.shape.time / bin_, channels});
  write_npy(start + "_spikes.npy", closeup(behaviour.spikes), {window_, channels});
  write_npy(start + "_membrane.npy", closeup(behaviour.membrane), {window_, channels});
}

void Files::finish(const std::vector<Row>& rows) {
  std::string json = "{\"sounds\": [";
  for (const std::string& name : recordings_.names) json += (json.back() == '[' ? "" : ", ") + quoted(name);
  json += "],\n \"sample_rate\": " + number(sound_.sample_rate) + ", \"bin\": " + std::to_string(bin_) +
          ", \"window_start\": " + std::to_string(window_start_) + ", \"window\": " + std::to_string(window_) +
          ",\n \"centres\": [";
  for (const double centre : sound_.centres) json += (json.back() == '[' ? "" : ", ") + number(centre);
  json += "],\n \"rows\": [";
  for (const Row& row : rows) json += (json.back() == '[' ? "\n  " : ",\n  ") + row_json(row, sound_, device_);
  std::ofstream out(folder_ + "/report.json");
  out << json << "\n ]}\n";
  out.close();
  if (!out) throw std::runtime_error("cannot write " + folder_ + "/report.json");
}

}  // namespace demo
