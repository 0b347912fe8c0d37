// The main job on real sound: a recording becomes 64 channels of drive, four kinds of spiking neurons listen to it, and
// a table says what they did and how fast.
//   demo [--out FOLDER] [--seconds S] [audio file]...      default: the speech that Debian's alsa-utils installs
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/support/copy.h"
#include "filterbank.h"
#include "neurons.h"
#include "recording.h"
#include "report.h"

namespace {

constexpr int kChannels = 64;
constexpr int64_t kMostDriveBytes = int64_t{256} << 20;  // the whole demo takes about eight times as much

struct Options {
  std::string out = "out/demo";
  double seconds = 1.0;  // of measuring, for each pass
  std::vector<std::string> files;
};

bool parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--", 0) != 0) {
      options->files.push_back(argument);
    } else if (argument == "--out" && i + 1 < argc) {
      options->out = argv[++i];
    } else if (argument == "--seconds" && i + 1 < argc) {
      char* end = nullptr;
      options->seconds = std::strtod(argv[++i], &end);
      if (*end != '\0' || !(options->seconds >= 0.0 && options->seconds <= 3600.0)) return false;
    } else {
      return false;
    }
  }
  return true;
}

demo::Sound hear(const demo::Recordings& recordings) {
  demo::Sound sound;
  sound.sample_rate = recordings.sample_rate;
  sound.centres = demo::centre_frequencies(kChannels, recordings.sample_rate);
  sound.shape = {static_cast<int64_t>(recordings.names.size()), recordings.time(), kChannels};
  sound.drive = demo::drive_of(recordings.samples, recordings.sample_rate, sound.centres);
  return sound;
}

void introduce(const demo::Recordings& recordings, const demo::Sound& sound, spikescan::Device device) {
  std::string names;
  for (const std::string& name : recordings.names) names += (names.empty() ? "" : ", ") + name;
  std::printf("sound: %s\n", names.c_str());
  if (recordings.seconds_left_out > 0.0) {
    std::printf("       only the first %.1f s are used; %.1f s are left out\n", sound.shape.time / sound.sample_rate,
                recordings.seconds_left_out);
  }
  std::printf("       %.2f s at %.0f Hz, %d channels from %.0f Hz to %.0f Hz\n", sound.shape.time / sound.sample_rate,
              sound.sample_rate, kChannels, sound.centres.front(), sound.centres.back());
  const spikescan_device_info info = spikescan::device_info(device);
  std::printf("device: %s, %d %s, %s\n\n", info.name, info.processors,
              device == spikescan::Device::cuda ? "multiprocessors" : "threads", info.instruction_set);
}

void conclude(const std::vector<demo::Row>& rows, spikescan::Device device) {
  std::vector<double> speeds;
  for (const demo::Row& row : rows) speeds.push_back(row.pass.copy_speed);
  std::printf("\ncopying memory on this machine, in this run: %.2f GB/s, reads and writes counted\n",
              1e-9 * spikescan::bench::summarize(speeds).median);
  // Forward's input and output against the largest cache, half of what a copy has to be to go beyond it.
  const size_t cache = spikescan::bench::beyond_cache_bytes(static_cast<spikescan_backend>(device)) / 2;
  if (rows.front().pass.bytes < static_cast<double>(cache)) {
    std::printf("forward moves only %.1f MB: caches may hold them, and shares of the copy read too high\n",
                1e-6 * rows.front().pass.bytes);
  }
}

void run(const Options& options) {
  const spikescan::Device device = spikescan::resolve(spikescan::Device::automatic);
  const std::vector<std::string> files = options.files.empty() ? demo::speech_files() : options.files;
  const int64_t most = kMostDriveBytes / (int64_t{sizeof(float)} * kChannels * static_cast<int64_t>(files.size()));
  const demo::Recordings recordings = demo::read_recordings(files, most);
  std::vector<demo::Row> rows;
  demo::Progress progress;
  progress.step("filtering " + std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") + " into " +
                std::to_string(kChannels) + " channels");
  const demo::Sound sound = hear(recordings);
  demo::Files written(options.out, recordings, sound, device);
  for (const demo::Neuron& neuron : demo::neurons()) {
    progress.step(neuron.name + ": running");
    demo::Experiment experiment(neuron, sound, device);
    const demo::Behaviour behaviour = experiment.behave();
    written.add(neuron, behaviour);
    progress.step(neuron.name + ": timing forward");
    rows.push_back({neuron, behaviour.firing_rate, experiment.time_forward(options.seconds)});
    progress.step(neuron.name + ": timing backward");
    rows.push_back({neuron, behaviour.firing_rate, experiment.time_backward(options.seconds)});
  }
  progress.done();
  written.finish(rows);
  introduce(recordings, sound, device);
  demo::print_table(rows, sound, device);
  conclude(rows, device);
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  if (!parse(argc, argv, &options)) {
    std::fprintf(stderr, "usage: demo [--out FOLDER] [--seconds S] [audio file]...\n");
    return 2;
  }
  run(options);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "demo: %s\n", error.what());
  return 1;
}
