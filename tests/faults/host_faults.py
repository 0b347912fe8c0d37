"""The host layer's planted faults, as (file, test, changes); faults.py makes Faults of them.

"host" sees the library with the CPU alone, "backend" with a CUDA backend that only records what it is given; "cpp" is
the C++ face on the CPU.
"""

TESTS = {"host": "host/host_test", "backend": "host/host_backend_test", "cpp": "cpp/cpp_test"}

CHANGES = (
    ("host/error.cpp", "host", (
        ("last error: shared by threads", "static thread_local Sentence", "static Sentence"),
        ("report: the error's text lost", '"%s failed: %s (%s)", where, name, result.text',
         '"%s failed: %s", where, name'),
    )),
    ("host/guard.h", "host", (
        ("guard: last error not cleared", "error.clear();", ""),
        ("guard: memory that runs out", "catch (const std::bad_alloc&)", "catch (const std::bad_cast&)"),
    )),
    ("host/validate_struct.h", "host", (
        ("struct: any size", "constexpr size_t kLargestStruct = 1024", "constexpr size_t kLargestStruct = SIZE_MAX"),
    )),
    ("host/validate_struct.cpp", "host", (
        ("struct: one byte short", "size < known", "size + 1 < known"),
        ("struct: first unknown byte", "i = known; i < size", "i = known + 1; i < size"),
        ("struct: last unknown byte", "i = known; i < size", "i = known; i + 1 < size"),
    )),
    ("host/validate_description.cpp", "host", (
        ("enum: one past the last", "number >= 0 && number < count", "number >= 0 && number <= count"),
        ("enum: negative", "number >= 0 && number < count", "number < count"),
        ("threshold: infinite", "!std::isfinite(d.threshold)", "std::isnan(d.threshold)"),
        ("k: below the least", "d.k >= kLeastSlope", "d.k > 0.0f"),
        ("k: above the most", "d.k <= kMostSlope", "std::isfinite(d.k)"),
        ("k: read by none", "number_of(d.rule) != SPIKESCAN_NONE && ", ""),
        ("max_prob: NaN", "!(d.max_prob >= 0.0f && d.max_prob <= 1.0f)", "(d.max_prob < 0.0f || d.max_prob > 1.0f)"),
        ("max_prob: read by every rule", "number_of(d.rule) == SPIKESCAN_SIGMOID_BERNOULLI && ", ""),
        ("axis: past its bits", "size >= 0 && size <= int64_t{1} << bits", "size >= 0"),
        ("origin: one past", "origin <= (int64_t{1} << bits) - size", "origin <= (int64_t{1} << bits) - size + 1"),
        ("origin: sum overflows", "origin <= (int64_t{1} << bits) - size", "origin + size <= int64_t{1} << bits"),
        ("product: overflow", "__builtin_mul_overflow(a, b, &product)", "((product = a * b), false)"),
        ("product: states without steps", "too_many(d.batch, d.channels, 1) || ", ""),
        ("reserved: not refused", "if (!field.value) continue;", "continue;"),
    )),
    ("host/description_sizes.cpp", "host", (
        ("saved: one state", "state_count(d.recurrence) * d.batch", "1 * d.batch"),
    )),
    ("host/description_sizes.h", "host", (
        ("shared decay has one value", "return d.shared_decay ? 1 : d.channels;", "return d.channels;"),
    )),
    ("host/argument_check.cpp", "host", (
        ("tensor: null", "if (!tensor.data && element_count(d_) > 0) {", "if (false) {"),
        ("tensor: null without elements", "if (!tensor.data && element_count(d_) > 0) {", "if (!tensor.data) {"),
        ("tensor: unknown dtype", "dtype < 0 || dtype >= kDtypes || ", ""),
        ("stride: negative in time", "strides.time && *strides.time < 0", "false"),
        ("stride: negative in batch", "if (strides.batch < 0) {", "if (false) {"),
        ("states: second of lif", "if (failed() || !states[1].data) return;", "return;"),
        ("key: origins not looked at",
         "if (failed() || !host_memory || element_count(d_) == 0) return;  // without", "return;  // without"),
        ("key: stream past 32 bits", "key->reserved != 0", "false"),
        ("key: packed spikes off a word", "if (!failed() && packed)", "if (false)"),
        ("decay: NaN", "if (decay[c] == decay[c]) continue;", "continue;"),
        ("decay: last one not looked at", "c < decay_count(d_); ++c", "c + 1 < decay_count(d_); ++c"),
        ("decay: read without elements", "|| !host_memory || element_count(d_) == 0) return;\n  for",
         "|| !host_memory) return;\n  for"),
        ("key: read without elements", " || element_count(d_) == 0) return;  // without", ") return;  // without"),
        ("decay: null", "    if (element_count(d_) > 0) {\n      status_", "    if (false) {\n      status_"),
        ("buffer: one byte short", "if (bytes < needed) {", "if (bytes + 1 < needed) {"),
        ("buffer: null", "  if (!pointer) {", "  if (false) {"),
        ("buffer: not needed but looked at", "if (failed() || needed == 0) return;", "if (failed()) return;"),
        ("alignment", "first % alignment != 0", "false"),
        ("extent: not checked", "bytes > INT64_MAX", "false"),
        ("address space: not checked", "!fits_address_space(first, region.bytes)", "false"),
        ("output: its own overlap", "region.written && overlaps_itself(region)", "false"),
        ("apart: only outputs with outputs", "regions_[i].written || regions_[j].written",
         "regions_[i].written && regions_[j].written"),
        ("apart: inputs with inputs", "if (regions_[i].written || regions_[j].written) compare", "compare"),
        ("apart: last argument left out", "for (int i = 0; i < region_count_; ++i)",
         "for (int i = 0; i + 1 < region_count_; ++i)"),
        ("apart: undecided accepted", "if (sharing == Sharing::kApart) return;",
         "if (sharing != Sharing::kShares) return;"),
    )),
    ("kernels/packed_spikes.h", "host", (
        ("packed: words counted as steps", "dtype == SPIKESCAN_BITS32 ? divide_up(time, kPackedSteps) : time",
         "time"),
        ("packed: last word left out", "divide_up(time, kPackedSteps)", "time / kPackedSteps"),
    )),
    ("host/region.cpp", "host", (
        ("overlap: nested strides, one element", "outer.stride >= inner_length + region.run",
         "outer.stride >= inner_length + region.run - 1"),
        ("overlap: interlocked strides", "return reaches_window({outer.count - 1, outer.stride}",
         "return false && reaches_window({outer.count - 1, outer.stride}"),
        ("period: touching", "distance >= a_length && period - distance >= b_length", "distance >= a_length"),
        ("period: one too few", "distance >= a_length", "distance + 1 >= a_length"),
        ("period: not tried", "if (apart_by_some_period(a_runs, b_runs)) return Sharing::kApart;", ""),
        ("exact: not tried", "return exact_sharing(a_runs, b_runs);", "return Sharing::kUndecided;"),
        ("exact: window too narrow", "-(b.run - 1) - offset", "-(b.run - 2) - offset"),
        ("simplify: run stops short", "out.axes[0].stride <= out.run", "out.axes[0].stride <= out.run + 1"),
    )),
    ("host/progression.cpp", "host", (
        ("window: rounds to zero", "a >= 0 ? a / b : -((-a + b - 1) / b)", "a / b"),
        ("window: last left out", "std::min<Wide>(a.count - 1,", "std::min<Wide>(a.count - 2,"),
        ("floor sum: rest lost", "b = top % m;", "b = 0;"),
    )),
    ("host/memory_range.h", "host", (
        ("range: end of the address space", "bytes - 1 <= UINTPTR_MAX - first", "bytes <= UINTPTR_MAX - first"),
        ("range: neighbours meet", "b - a < a_bytes", "b - a <= a_bytes"),
    )),
    ("host/validate_arguments.cpp", "host", (
        ("x: any floating dtype", 'check.tensor("x", args.x, described(d.dtype)',
         'check.tensor("x", args.x, kFloating'),
        ("grad_x: any floating dtype", 'check.tensor("grad_x", args.grad_x, described(d.dtype)',
         'check.tensor("grad_x", args.grad_x, kFloating'),
        ("spikes of the rule none", "d.rule == SPIKESCAN_NONE ? kFloatingSpikes : kSpikes", "kSpikes"),
        ("alpha of other neurons", 'check.must_be_null("alpha"', 'if (false) check.must_be_null("alpha"'),
        ("grad_alpha of other neurons", 'check.must_be_null("grad_alpha"',
         'if (false) check.must_be_null("grad_alpha"'),
        ("device_key not checked", "check.device_key(args.device_key, host_memory, packed);", ""),
        ("packed spikes off a word", "if (packed && !args.device_key)", "if (false)"),
        ("spike_counts accepted", 'check.must_be_null("spike_counts"', 'if (false) check.must_be_null("spike_counts"'),
        ("in place: another dtype", "number_of(out.dtype) == number_of(in.dtype)", "true"),
        ("in place: another stride of the batch", "(d.batch == 1 || out.stride_batch == in.stride_batch)", "true"),
        ("in place: another stride of time", "(d.time == 1 || out.stride_time == in.stride_time)", "true"),
        ("in place: the stride of one batch", "d.batch == 1 || ", ""),
        ("in place: refused", "in_place ? Use::kReplacedInput : Use::kInput", "Use::kInput"),
        ("saved of backward",
         'check.buffer("saved", args.saved, args.saved_bytes, saved_bytes(d), kSavedAlignment, Use::kInput);', ""),
    )),
    ("host/validate_arguments.cpp", "backend", (
        ("workspace of forward",
         'check.buffer("workspace", args.workspace, args.workspace_bytes, call.plan.workspace_bytes, '
         "kWorkspaceAlignment,\n"
         "               Use::kOutput);\n  check.must_be_null", "check.must_be_null"),
    )),
    ("host/prepare.cpp", "backend", (
        ("device asked before the check",
         "  if (const auto s = validate_description(d, error)) return s;\n  Resolved resolved;",
         "  Resolved resolved;\n  "
         "if (resolve(built_backends(), number_of(d.backend), &resolved, error)) return SPIKESCAN_INVALID_ARGUMENT;\n"
         "  if (const auto s = validate_description(d, error)) return s;"),
    )),
    ("host/resolve.cpp", "backend", (
        ("auto: a failing count is the CPU",
         "if (const spikescan_status status = count_built(backends.cuda, &devices, error)) "
         "return status;\n  }\n  if (devices > 0)",
         "count_built(backends.cuda, &devices, error);\n  }\n  if (devices > 0)"),
        ("auto: CUDA without a device", "if (devices > 0) {",
         "if (backends.cuda && requested != SPIKESCAN_BACKEND_CPU) {"),
    )),
    ("host/resolve.cpp", "host", (
        ("auto: an executor taken", "requested != SPIKESCAN_BACKEND_AUTO || ", "true || "),
        ("absent CUDA: no reason", '"CUDA is not built into this library"', '""'),
        ("a processor without the instructions", "if (devices == 0) {\n    return", "if (false) {\n    return"),
    )),
    ("host/print_plan.cpp", "host", (
        ("plan: the CPU said to launch tiles", 'if (plan.threads == 0) return "";', ""),
        ("plan: what has to be cleared not said", 'if (plan.cleared_bytes > 0) add', "if (false) add"),
    )),
    ("host/print_plan.cpp", "backend", (
        ("plan: not the header's words", '"row_blocks"', '"grid"'),
    )),
    ("host/api_passes.cpp", "backend", (
        ("decays of a device read", "validate(call, prepared.backend->host_memory, error)", "validate(call, true, error)"),
        ("idle strides kept", "    clear_idle(call);\n", ""),
        ("stream lost", "(prepared.backend->*pass)(call, stream)", "(prepared.backend->*pass)(call, nullptr)"),
        ("forward's plan for backward", "plan_backward", "plan_forward"),
        ("nothing to write: run all the same", "if (writes_nothing(call)) return SPIKESCAN_OK;", ""),
        ("nothing to write: saved forgotten", "return !tensors && !saves &&", "return !tensors &&"),
        ("nothing to write: grad_x forgotten", "return !tensor && !args.grad_beta", "return !args.grad_beta"),
    )),
    ("host/clear_idle.cpp", "host", (
        ("decays kept without elements", "if (element_count(d) == 0) args.beta = args.alpha = nullptr;", ""),
        ("key kept without elements", "args.device_key = nullptr;", ""),
    )),
    ("host/clear_idle.cpp", "backend", (
        ("absent tensors kept", "if (!tensor.data) tensor = {};", ""),
        ("strides kept without elements", "const bool none = element_count(d) == 0;", "const bool none = false;"),
        ("stride of one packed word kept", "elements_in_time(tensor.dtype, d.time) == 1", "d.time == 1"),
        ("stride of states without channels kept", "d.batch > 1 && d.channels > 0", "d.batch > 1"),
    )),
    ("host/api_memory.cpp", "host", (
        ("copy: overlap", "if (ranges_meet(", "if (false && ranges_meet("),
        ("allocate: of nothing", "if (bytes > 0) {", "if (true) {"),
    )),
    ("host/api_streams.cpp", "backend", (
        ("stream_destroy: of null", "stream ? b.stream_destroy(stream) : kOk", "b.stream_destroy(stream)"),
        ("create: writes although it failed", "if (!s) *created = made;", "*created = made;"),
    )),
    ("host/api_devices.cpp", "host", (
        ("query: one device too many", "device >= devices", "device > devices"),
    )),
    ("host/plan.cpp", "host", (
        ("rows: one row too early", "kRowsOfProcessor = 96", "kRowsOfProcessor = 95"),
        ("pieces: of one state", "state_count(d.recurrence) * lanes_of(d)", "lanes_of(d)"),
        ("pieces: aggregates of all chunks", "blocks(link_slots(plan.chunks))", "blocks(plan.chunks)"),
        ("backward rows that do not fit", "d.time > 0 && fits(columns) &&", "d.time > 0 &&"),
        ("links: aggregates not cleared", "plan.cleared_bytes = layout.end();", "plan.cleared_bytes = plan.carries;"),
        ("columns: the last batches forgotten",
         "divide_up(d.channels, kWarp) * divide_up(plan.batch_rows, kBatchesOfBlock)",
         "divide_up(d.channels, kWarp) * (plan.batch_rows / kBatchesOfBlock)"),
    )),
    ("kernels/row_layout.h", "host", (
        ("rows: chains of one turn", "2 * states * kRowThreads * sizeof(double)",
         "states * kRowThreads * sizeof(double)"),
        ("rows: the second response forgotten", "(has_two_maps(order, forward) ? 2 : 1)", "1"),
    )),
    ("include/spikescan/tensor.hpp", "cpp", (
        ("handle: two owners", "raw_(std::exchange(other.raw_, nullptr))", "raw_(other.raw_)"),
        ("handle: released on the other's device", "    std::swap(device_, taken.device_);\n", ""),
        ("block: one past the end", "count <= whole - begin", "count <= whole - begin + 1"),
    )),
    ("include/spikescan/tensor.hpp", "backend", (
        ("copy: does not wait",
         "    check(spikescan_stream_synchronize(backend(), stream.raw()));\n  }\n  spikescan_backend backend()",
         "  }\n  spikescan_backend backend()"),
    )),
    ("include/spikescan/spikescan.hpp", "cpp", (
        ("key: origins swapped", "0, origins.batch, origins.time,", "0, origins.time, origins.batch,"),
        ("workspace: freed where it is large enough", "wanted > memory_.size() ||", "wanted >= memory_.size() ||"),
    )),
)
