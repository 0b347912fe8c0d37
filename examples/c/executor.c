/* A call on the program's own threads in the place of OpenMP's, held against the same call on OpenMP's: the same bits.
 * docs/cpu.md quotes the part in brackets. */
#include <pthread.h>
#include <spikescan/spikescan.h>
#include <stdio.h>
#include <string.h>

/* [executor] */
enum { kThreads = 4 };
typedef struct {
  void (*task)(void*, int64_t);
  void* data;
  int64_t index;
} Job;

static void* work(void* job) {
  const Job* j = job;
  j->task(j->data, j->index);
  return NULL;
}

/* task(data, i) for each i in [0, tasks), of which there are at most kThreads; returns when all are done. */
static void run(void* context, int64_t tasks, void (*task)(void*, int64_t), void* data) {
  pthread_t threads[kThreads];
  Job jobs[kThreads];
  int started[kThreads];
  for (int64_t i = 0; i < tasks; ++i) {
    jobs[i] = (Job){task, data, i};
    started[i] = pthread_create(&threads[i], NULL, work, &jobs[i]) == 0;
    if (!started[i]) task(data, i); /* no thread to be had: here, then */
  }
  for (int64_t i = 0; i < tasks; ++i) {
    if (started[i]) pthread_join(threads[i], NULL);
  }
  *(int64_t*)context += tasks;
}
/* [/executor] */

enum { kBatch = 16, kTime = 500, kChannels = 128, kElements = kBatch * kTime * kChannels };
static float x[kElements], expected[kElements], v[kElements], beta[kChannels];

int main(void) {
  for (int i = 0; i < kElements; ++i) x[i] = (float)(i % 97) / 250.0f;
  for (int c = 0; c < kChannels; ++c) beta[c] = 0.9f;
  spikescan_description description = SPIKESCAN_DESCRIPTION_INIT;
  description.backend = SPIKESCAN_BACKEND_CPU;
  description.batch = kBatch;
  description.time = kTime;
  description.channels = kChannels;
  spikescan_forward_args arguments = {.struct_size = sizeof arguments, .beta = beta};
  arguments.x = (spikescan_tensor){x, SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
  arguments.membrane = (spikescan_tensor){expected, SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
  spikescan_status status = spikescan_forward(&description, &arguments, NULL);
  arguments.membrane.data = v;

  int64_t tasks = 0;
  /* [call] */
  spikescan_executor executor = {sizeof executor, &tasks, kThreads, run};
  if (!status) status = spikescan_forward(&description, &arguments, &executor);
  /* [/call] */
  if (status) return fprintf(stderr, "%s\n", spikescan_last_error()), 1;
  printf("%d tasks on our own threads, V has %s bits\n", (int)tasks,
         memcmp(v, expected, sizeof v) == 0 ? "the same" : "other");
  return 0;
}
