// The sentence of a failed call. A fixed buffer, one for each thread: it has to work when memory has run out.
#pragma once

#include "include/spikescan/spikescan.h"
#include "kernels/backend.h"

namespace spikescan {

class Sentence {
 public:
  // Writes the sentence and gives the status back, so that a check is one `return`.
  spikescan_status refuse(spikescan_status status, const char* format, ...) __attribute__((format(printf, 3, 4)));
  spikescan_status invalid(const char* format, ...) __attribute__((format(printf, 2, 3)));
  void clear() { text_[0] = '\0'; }
  const char* text() const { return text_; }

 private:
  static constexpr int kBytes = 512;  // a longer sentence loses its end
  char text_[kBytes] = {};
};

// The calling thread's own.
Sentence& last_error();

// A backend's answer as a status and a sentence that holds the failing call's name and its error text.
spikescan_status report(const BackendResult& result, Sentence& error);

}  // namespace spikescan
