// The handlers' border: what is thrown inside becomes XLA's error, whatever it is, and speaks of what JAX's users know.
#include <gtest/gtest.h>

#include <new>
#include <string>

#include "host/resolve.h"
#include "python/xla/ffi_abi.h"
#include "python/xla/sentences.h"

extern "C" spikescan_xla::ffi::Error* spikescan_xla_forward_cpu(spikescan_xla::ffi::CallFrame* frame);
extern "C" spikescan_xla::ffi::Error* spikescan_xla_backward_cuda(spikescan_xla::ffi::CallFrame* frame);

namespace spikescan_xla {
namespace {

// XLA's side, played: its functions throw what the test says, and the last error is remembered.
enum class Thrown { kNumber, kMemory } thrown;
std::string sentence;
ffi::ErrorCode code;
int made;

ffi::Error* throw_it() {
  if (thrown == Thrown::kNumber) throw 5;
  throw std::bad_alloc();
}
ffi::Error* get_stream(ffi::StreamGetArgs*) {
  return throw_it();
}
ffi::Error* count_threads(ffi::NumThreadsArgs*) {
  return throw_it();
}
ffi::Error* create_error(ffi::ErrorCreateArgs* args) {
  sentence = args->message;
  code = args->errc;
  ++made;
  return reinterpret_cast<ffi::Error*>(&made);
}

class Handlers : public testing::Test {
 protected:
  void SetUp() override {
    made = 0;
    api_.error_create = create_error;
    api_.stream_get = get_stream;
    api_.thread_pool_num_threads = count_threads;
    frame_.api = &api_;
  }
  void expect_errors(const char* words) {
    for (const auto handler : {spikescan_xla_forward_cpu, spikescan_xla_backward_cuda}) {
      sentence.clear();
      EXPECT_NE(handler(&frame_), nullptr);
      EXPECT_EQ(code, ffi::kInternal);
      EXPECT_NE(sentence.find(words), std::string::npos) << sentence;
    }
    EXPECT_EQ(made, 2);
  }
  ffi::Api api_ = {};
  ffi::CallFrame frame_ = {};
};

TEST_F(Handlers, AnExceptionWithoutAText) {
  thrown = Thrown::kNumber;
  expect_errors("spikescan: an exception without a text");
}

TEST_F(Handlers, AnExceptionWithAText) {
  thrown = Thrown::kMemory;
  expect_errors("bad_alloc");
}

TEST(Sentences, OfAMissingGpu) {
  spikescan::Sentence error;
  spikescan::Resolved resolved;
  const spikescan::Backends cpu_alone = {spikescan::cpu_backend(), nullptr};
  ASSERT_NE(spikescan::resolve(cpu_alone, SPIKESCAN_BACKEND_CUDA, &resolved, error), SPIKESCAN_OK);
  EXPECT_EQ(in_python(error.text()),
            "the call runs on a CUDA device; CUDA is not built into this library, so it must run on the CPU");
}

}  // namespace
}  // namespace spikescan_xla
