/* spikescan C ABI: stochastic parallelizable spiking neurons as fused associative scans.
 *
 * The contract (formulas, random numbers, promises) is docs/model.md. A function that can fail returns a status; when it
 * is not SPIKESCAN_OK, spikescan_last_error() holds a sentence about it. A refused call (INVALID_ARGUMENT, UNSUPPORTED,
 * BACKEND_UNAVAILABLE, WORKSPACE_TOO_SMALL) names the argument, its value and what is allowed; nothing was enqueued and
 * nothing was written. After OUT_OF_MEMORY, CUDA_ERROR or INTERNAL_ERROR from a pass some of its work may have been
 * enqueued or done: what its outputs, `saved` and workspace hold is undefined. No function throws. All functions may be
 * called from any thread.
 */
#ifndef SPIKESCAN_SPIKESCAN_H_
#define SPIKESCAN_SPIKESCAN_H_

#include <stddef.h>
#include <stdint.h>

#if defined(SPIKESCAN_BUILDING)
#define SPIKESCAN_API __attribute__((visibility("default")))
#else
#define SPIKESCAN_API
#endif

#define SPIKESCAN_VERSION_MAJOR 0
#define SPIKESCAN_VERSION_MINOR 1
#define SPIKESCAN_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spikescan_status {
  SPIKESCAN_OK = 0,
  SPIKESCAN_INVALID_ARGUMENT = 1,    /* an argument is outside what its description allows */
  SPIKESCAN_UNSUPPORTED = 2,         /* legal in the model, reserved for later */
  SPIKESCAN_BACKEND_UNAVAILABLE = 3, /* the backend asked for is not built in, or has no usable device */
  SPIKESCAN_WORKSPACE_TOO_SMALL = 4, /* workspace or saved buffer smaller than spikescan_query_sizes says */
  SPIKESCAN_OUT_OF_MEMORY = 5,       /* host or device allocation failed */
  SPIKESCAN_CUDA_ERROR = 6,          /* the CUDA runtime refused a call; the sentence holds its name and text */
  SPIKESCAN_INTERNAL_ERROR = 7       /* a defect of the library */
} spikescan_status;

typedef enum spikescan_backend {
  SPIKESCAN_BACKEND_AUTO = 0, /* CUDA where it is built and a device is usable, else CPU */
  SPIKESCAN_BACKEND_CPU = 1,
  SPIKESCAN_BACKEND_CUDA = 2
} spikescan_backend;

typedef enum spikescan_dtype {
  SPIKESCAN_FLOAT32 = 0,
  SPIKESCAN_FLOAT16 = 1,
  SPIKESCAN_BFLOAT16 = 2,
  SPIKESCAN_UINT8 = 3, /* spikes only: 0 or 1 */
  SPIKESCAN_BITS32 = 4 /* spikes only: [B, ceil(T/32), C] uint32, bit t % 32 of word t / 32, unused bits zero */
} spikescan_dtype;

/* Membrane recurrences. beta and alpha are clipped to [0, 1] first. */
typedef enum spikescan_recurrence {
  SPIKESCAN_LIF = 0,      /* V_t = beta V_{t-1} + x_t */
  SPIKESCAN_SPSN = 1,     /* V_t = beta V_{t-1} + (1 - beta) x_t */
  SPIKESCAN_CUBA_LIF = 2, /* I_t = alpha I_{t-1} + x_t;  V_t = beta V_{t-1} + I_t */
  SPIKESCAN_PSU_LIF = 3   /* V_t = beta V_{t-1} + x_t;  R_t = beta R_{t-1} + sigmoid(V_t); the rule sees V_t - R_t */
} spikescan_recurrence;

/* Firing rules. M is what the rule sees (V, or V - R for psu_lif) and U = M - threshold. */
typedef enum spikescan_rule {
  SPIKESCAN_SIGMOID_BERNOULLI = 0,            /* Bernoulli(max_prob sigmoid(k U)) */
  SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI = 1, /* Bernoulli(max(cos(2 pi threshold U) sigmoid(k U), 0)) */
  SPIKESCAN_HEAVISIDE = 2,                    /* 1 if U > 0 else 0 */
  SPIKESCAN_NONE = 3                          /* U itself; spikes must then be a floating dtype */
} spikescan_rule;

/* dS/dM of the heaviside rule, with z = k U. Sources: spyx.axn (arctan, superspike, triangular, boxcar, tanh). */
typedef enum spikescan_surrogate {
  SPIKESCAN_ARCTAN = 0,     /* 1 / ((1 + (pi z)^2) pi) */
  SPIKESCAN_SUPERSPIKE = 1, /* 1 / (1 + |z|)^2 */
  SPIKESCAN_TRIANGULAR = 2, /* max(0, 1 - |z|) */
  SPIKESCAN_BOXCAR = 3,     /* 0.5 where |z| <= 1, else 0 (Spyx's width 2 / k, height 0.5) */
  SPIKESCAN_TANH = 4        /* 1 - tanh(z)^2 */
} spikescan_surrogate;

/* dS/dM of the two Bernoulli rules. */
typedef enum spikescan_gradient {
  SPIKESCAN_PROBABILITY = 0, /* p, the spike probability itself (what Spyx does) */
  SPIKESCAN_DERIVATIVE = 1   /* dp/dM, straight-through; 0 where the refractory rule's p is 0 */
} spikescan_gradient;

/* One problem: neuron, shape, place in the whole. Start from SPIKESCAN_DESCRIPTION_INIT. */
typedef struct spikescan_description {
  size_t struct_size;             /* sizeof(spikescan_description) */
  spikescan_backend backend;      /* where the data lives and the work runs */
  spikescan_recurrence recurrence;
  spikescan_rule rule;
  spikescan_surrogate surrogate;  /* read by heaviside's backward only */
  spikescan_gradient gradient;    /* read by the Bernoulli rules' backward only */
  int32_t shared_decay;           /* 0: beta, alpha are [C]; 1: one value each for all channels */
  float threshold;                /* finite */
  float k;                        /* slope, from 2^-120 to 2^120; not read by the rule `none` */
  float max_prob;                 /* in [0, 1]; read by sigmoid_bernoulli only */
  int64_t batch, time, channels;  /* B, T, C >= 0; B, C <= 2^32, T <= 2^34 (with their origins); B * C and
                                     B * T * C <= 2^56 */
  int64_t batch_origin, time_origin, channel_origin; /* global index of element (0, 0, 0); >= 0. With packed spikes
                                     time_origin is a multiple of 32. They enter the random numbers only. */
  spikescan_dtype dtype;          /* of x and of the gradient of x: FLOAT32, FLOAT16 or BFLOAT16 */
  /* Reserved, must be null: refused with SPIKESCAN_UNSUPPORTED until they are built. */
  const void* threshold_per_channel;
  const void* k_per_channel;
  const void* cumulative_lengths;
  const void* decay_per_step;
} spikescan_description;

/* A [B, T, C] tensor. Channels are contiguous. Strides are in elements and >= 0 (0 repeats an input); an output's strides
 * must not make two elements share memory. An output shares memory with no other argument; where the two interleave by
 * more than two different strides that is not worked out, and they are refused even if they share none. data is aligned
 * to the dtype, no more. data = null: absent. */
typedef struct spikescan_tensor {
  void* data;
  spikescan_dtype dtype;
  int64_t stride_batch, stride_time;
} spikescan_tensor;

/* A float32 [B, C] tensor, channels contiguous. data = null: absent. */
typedef struct spikescan_state {
  float* data;
  int64_t stride_batch; /* in elements, >= 0 */
} spikescan_state;

/* The key of the random numbers, and optionally the origins, where they have to be read when the kernel runs (a replayed
 * CUDA graph, a compiled step). It overrides the values in the call and in the description. 40 bytes, 8-byte aligned.
 * On the CPU `reserved` must be 0, and the origins are held against the description's ranges. In a GPU's memory neither
 * can be: there `reserved` is not read, so that a stream written as 64 bits counts modulo 2^32, indices past 2^32 (time
 * past 2^34) wrap, and packed spikes whose time origin is no multiple of 32 start at a word all the same. */
typedef struct spikescan_device_key {
  uint64_t seed;
  uint32_t stream;
  uint32_t reserved; /* 0 */
  int64_t batch_origin, time_origin, channel_origin;
} spikescan_device_key;

/* Of structs with struct_size, the description apart: zero all with memset or = {0}, set struct_size to the sizeof, then
 * what the call has; what is zero is absent. A larger struct, of a newer header, is taken if all that this library does
 * not know is 0; a smaller one is refused. */

/* State order everywhere: [0] is V; [1] is I for cuba_lif, R for psu_lif, and absent for lif and spsn. */
typedef struct spikescan_forward_args {
  size_t struct_size;                     /* sizeof(spikescan_forward_args) */
  spikescan_tensor x;                     /* in: dtype as in the description */
  const float* beta;                      /* in: [C] or [1] */
  const float* alpha;                     /* in: [C] or [1]; cuba_lif only, else null */
  spikescan_state initial_state[2];       /* in: absent means zero */
  uint64_t seed;                          /* key of the generator */
  uint32_t stream;                        /* tells layers and steps apart */
  const spikescan_device_key* device_key; /* in: null, or in the backend's memory; overrides seed, stream and origins */
  spikescan_tensor uniforms;              /* in: optional FLOAT32 in [0, 1), used in place of the generator */
  spikescan_tensor spikes;                /* out: optional; FLOAT32, FLOAT16, BFLOAT16, UINT8 or BITS32 */
  spikescan_tensor membrane;              /* out: optional V; FLOAT32, FLOAT16 or BFLOAT16 */
  spikescan_state final_state[2];         /* out: optional; V (and I or R) after the last step */
  void* saved;                            /* out: optional; states for spikescan_backward, 8-byte aligned */
  size_t saved_bytes;                     /* at least spikescan_sizes.saved */
  void* workspace;                        /* scratch, 256-byte aligned; null where its size is 0 */
  size_t workspace_bytes;                 /* at least spikescan_sizes.forward_workspace */
  void* spike_counts;                     /* reserved, must be null */
} spikescan_forward_args;

typedef struct spikescan_backward_args {
  size_t struct_size;                    /* sizeof(spikescan_backward_args) */
  spikescan_tensor x;                    /* in: as in the forward call */
  const float* beta;                     /* in: as in the forward call */
  const float* alpha;                    /* in: as in the forward call */
  spikescan_state initial_state[2];      /* in: as in the forward call */
  const void* saved;                     /* in: what the forward call saved; null where spikescan_sizes.saved is 0 */
  size_t saved_bytes;                    /* at least spikescan_sizes.saved */
  spikescan_tensor grad_spikes;          /* in: optional dL/dS; FLOAT32, FLOAT16 or BFLOAT16 */
  spikescan_tensor grad_membrane;        /* in: optional dL/dV; FLOAT32, FLOAT16 or BFLOAT16 */
  spikescan_state grad_final_state[2];   /* in: optional */
  spikescan_tensor grad_x;               /* out: optional; dtype as in the description; may be grad_spikes itself: the
                                            same data, dtype and strides, whose values are then replaced */
  float* grad_beta;                      /* out: optional; [C], or [1] where the decay is shared */
  float* grad_alpha;                     /* out: optional; likewise; cuba_lif only */
  spikescan_state grad_initial_state[2]; /* out: optional */
  void* workspace;                       /* scratch, 256-byte aligned; null where its size is 0 */
  size_t workspace_bytes;                /* at least spikescan_sizes.backward_workspace */
} spikescan_backward_args;

typedef struct spikescan_sizes {
  size_t struct_size;        /* sizeof(spikescan_sizes) */
  size_t forward_workspace;  /* bytes of scratch for one forward call */
  size_t backward_workspace; /* bytes of scratch for one backward call */
  size_t saved;              /* bytes that forward saves and backward reads */
} spikescan_sizes;

/* Threads for a CPU call: the caller's own, or fewer of OpenMP's. Passed in the place of `stream`; read during the call
 * only. run() calls task(data, i) once for every i in [0, tasks), in any order, on any threads, at once or one after the
 * other, and returns when all are done; tasks is at most `threads`. Neither the bits of a result nor the call's coming
 * to an end depends on how many run at once. task never throws, and run() must not throw either: tasks may still be at
 * work on what the call keeps on its stack. A run() that returns without having called a task is refused. */
typedef struct spikescan_executor {
  size_t struct_size; /* sizeof(spikescan_executor) */
  void* context;      /* handed to run(); null without one */
  int32_t threads;    /* > 0: how many tasks may run at once; more than there are costs only speed */
  void (*run)(void* context, int64_t tasks, void (*task)(void* data, int64_t index), void* data); /* null: OpenMP's */
} spikescan_executor;

#define SPIKESCAN_TENSOR_INIT {NULL, SPIKESCAN_FLOAT32, 0, 0}
#define SPIKESCAN_DESCRIPTION_INIT                                                                                     \
  {sizeof(spikescan_description), SPIKESCAN_BACKEND_AUTO, SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI,                  \
   SPIKESCAN_ARCTAN, SPIKESCAN_PROBABILITY, 0, 1.0f, 10.0f, 0.8f, 0, 0, 0, 0, 0, 0, SPIKESCAN_FLOAT32, NULL, NULL,     \
   NULL, NULL}

/* Workspace and saved sizes of a description. Pure: touches no device but to ask its properties. */
SPIKESCAN_API spikescan_status spikescan_query_sizes(const spikescan_description* description, spikescan_sizes* sizes);

/* Runs (CPU) or enqueues on `stream` (CUDA) one pass. `stream` is a cudaStream_t (null: the legacy default stream); for
 * the CPU it is null (OpenMP's threads) or a const spikescan_executor*. With AUTO, which may be either, it is what
 * spikescan_stream_create gave: here and in every function with a stream, one that is not null is refused where AUTO is
 * the CPU. A CUDA call allocates nothing, synchronises nothing and leaves the current device as it is, so it can be
 * captured in a CUDA graph. The device is the caller's current one; pointers must be usable there. A call without an
 * output is checked and does nothing. */
SPIKESCAN_API spikescan_status spikescan_forward(const spikescan_description* description,
                                                 const spikescan_forward_args* args, void* stream);
SPIKESCAN_API spikescan_status spikescan_backward(const spikescan_description* description,
                                                  const spikescan_backward_args* args, void* stream);

/* Lengths, in steps, that are part of the numerical contract (docs/reproducibility.md): a sequence cut at multiples of
 * split_steps and continued from its float32 final state gives the bits of one call; saved holds a state for every
 * saved_steps steps. Either pointer may be null. */
SPIKESCAN_API void spikescan_time_units(int64_t* split_steps, int64_t* saved_steps);

/* What a call would do, as text of at most `capacity` bytes with the final zero, cut where they are too few; 4096 are
 * always enough. A line about the device and the neuron, then for each pass a line of what is launched, which on the CPU
 * is nothing, and of the memory it takes. Needs a device only for the CUDA backend. On an H200, for lif with B = 256,
 * T = 1024, C = 512:
 *   backend=cuda device="NVIDIA H200" processors=132 instruction_set=sm_90
 *     recurrence=lif rule=sigmoid_bernoulli dtype=float32
 *   forward: strategy=rows chunks=1 row_blocks=1024 blocks=1024 threads=128 shared_bytes=25904 workspace_bytes=0
 *   backward: strategy=rows chunks=1 row_blocks=1024 row_columns=32 blocks=1024 threads=128 shared_bytes=50944
 *     partial_rows=256 workspace_bytes=524288
 */
SPIKESCAN_API spikescan_status spikescan_describe_plan(const spikescan_description* description, char* text,
                                                       size_t capacity);

/* The calling thread's last error sentence; "" after a success. Valid until this thread's next call. */
SPIKESCAN_API const char* spikescan_last_error(void);
/* "SPIKESCAN_OK" and so on; "unknown status" for a number that is none. */
SPIKESCAN_API const char* spikescan_status_name(spikescan_status status);
/* "0.1.0"; and the numbers as major * 10000 + minor * 100 + patch. */
SPIKESCAN_API const char* spikescan_version(void);
SPIKESCAN_API int32_t spikescan_version_number(void);

/* 1 if the backend is built into this library (AUTO: always 1). */
SPIKESCAN_API int32_t spikescan_backend_built(spikescan_backend backend);
/* Usable devices. CPU: 1; 0 on an x86 processor without SSE4.2. CUDA: 0 where it is not built in, or there is no
 * driver or no device. AUTO: CUDA's if there are any, else the CPU's. That there are none is no error. A driver too old
 * for the library's CUDA runtime is one (SPIKESCAN_CUDA_ERROR), as is whatever else keeps CUDA from counting. */
SPIKESCAN_API spikescan_status spikescan_device_count(spikescan_backend backend, int32_t* count);
/* What AUTO means here and now; CPU and CUDA map to themselves. SPIKESCAN_BACKEND_UNAVAILABLE where the backend has no
 * device, with AUTO neither of the two. Where CUDA cannot count its devices, AUTO and CUDA give that error: AUTO does
 * not go to the CPU then, since the caller's pointers may be a GPU's. */
SPIKESCAN_API spikescan_status spikescan_resolve_backend(spikescan_backend requested, spikescan_backend* resolved);

typedef struct spikescan_device_info {
  size_t struct_size;       /* sizeof(spikescan_device_info), set before the call */
  char name[256];
  int32_t processors;       /* CUDA: multiprocessors; CPU: threads that a call uses */
  int32_t compute_major, compute_minor; /* CUDA compute capability; 0 for the CPU */
  int64_t memory_bytes;     /* total device memory, or physical memory */
  int64_t l2_bytes;         /* 0 where unknown */
  int32_t runtime_version, driver_version; /* CUDA's numbers, e.g. 13000; 0 for the CPU */
  char instruction_set[32]; /* CPU: the compiled path in use; CUDA: "sm_NN" */
} spikescan_device_info;
/* `device` is from 0 to spikescan_device_count - 1; another is refused with SPIKESCAN_INVALID_ARGUMENT. */
SPIKESCAN_API spikescan_status spikescan_query_device(spikescan_backend backend, int32_t device,
                                                      spikescan_device_info* info);

/* Memory and streams of a backend, for programs that have no allocator of their own. These may synchronise.
 * CPU memory is 256-byte aligned. bytes = 0 gives null. Freeing null is legal. No work under way may use what is freed:
 * that freeing waits for it is not promised. */
SPIKESCAN_API spikescan_status spikescan_allocate(spikescan_backend backend, size_t bytes, void** memory);
SPIKESCAN_API spikescan_status spikescan_free(spikescan_backend backend, void* memory);
/* Enqueues a copy or a fill in `stream`'s order; either side of a copy may be host or device memory with CUDA, and the
 * two must not overlap. With bytes = 0 nothing is done, and the pointers may be any. Of `byte`, which may be any
 * number, the low 8 bits count. */
SPIKESCAN_API spikescan_status spikescan_copy(spikescan_backend backend, void* destination, const void* source,
                                              size_t bytes, void* stream);
SPIKESCAN_API spikescan_status spikescan_fill(spikescan_backend backend, void* destination, int32_t byte, size_t bytes,
                                              void* stream);
/* Destroying a stream or a timer does not wait: work under way goes on to its end. */
SPIKESCAN_API spikescan_status spikescan_stream_create(spikescan_backend backend, void** stream);
SPIKESCAN_API spikescan_status spikescan_stream_destroy(spikescan_backend backend, void* stream);
SPIKESCAN_API spikescan_status spikescan_stream_synchronize(spikescan_backend backend, void* stream);
/* Seconds between two marks on a stream: CUDA events, or the CPU's steady clock. timer_seconds waits for the stop;
 * before there are both marks it fails, with SPIKESCAN_INVALID_ARGUMENT on the CPU and SPIKESCAN_CUDA_ERROR with CUDA. */
SPIKESCAN_API spikescan_status spikescan_timer_create(spikescan_backend backend, void** timer);
SPIKESCAN_API spikescan_status spikescan_timer_start(spikescan_backend backend, void* timer, void* stream);
SPIKESCAN_API spikescan_status spikescan_timer_stop(spikescan_backend backend, void* timer, void* stream);
SPIKESCAN_API spikescan_status spikescan_timer_seconds(spikescan_backend backend, void* timer, double* seconds);
SPIKESCAN_API spikescan_status spikescan_timer_destroy(spikescan_backend backend, void* timer);

#ifdef __cplusplus
}
#endif

#endif /* SPIKESCAN_SPIKESCAN_H_ */
