// The interpreter itself: what instructions compute, late copies, meetings of threads, which kernels were launched, and
// what it has to refuse.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "ptx/block.h"
#include "ptx/launch.h"

namespace ptx {
namespace {

// A kernel k(pointer) over `body`, which finds the pointer in %rd1 and the thread's number in %r1.
Kernel kernel_of(const std::string& body) {
  const std::string head = ".visible .entry k(\n\t.param .u64 k_param_0\n)\n{\n\t.reg .b32 %r<9>;\n";
  const std::string start = "\tld.param.u64 %rd1, [k_param_0];\n\tmov.u32 %r1, %tid.x;\n";
  return parse(head + start + body + "\tret;\n}\n", "k");
}

void run(Kernel kernel, void* pointer, std::uint32_t threads, std::size_t shared_bytes = 0) {
  unsigned char parameters[sizeof pointer];
  std::memcpy(parameters, &pointer, sizeof pointer);
  Block block(kernel, {1, threads, shared_bytes, parameters}, 0);
  for (std::uint32_t turn = 0; !block.is_done(); ++turn) block.run(turn % threads, turn % 2 == 1);
}

// %r3 of one thread after `body`.
std::uint32_t result_of(const std::string& body) {
  std::uint32_t result = 0;
  run(kernel_of(body + "\tst.global.u32 [%rd1], %r3;\n"), &result, 1);
  return result;
}

std::string refusal_of(const std::string& body, std::uint32_t threads = 1, std::size_t shared_bytes = 0) {
  alignas(16) unsigned char memory[64] = {};
  try {
    run(kernel_of(body), memory, threads, shared_bytes);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Ptx, Integers) {
  EXPECT_EQ(result_of("mul.hi.u32 %r3, 0xd2511f53, 0x9e3779b9;"), 0x81fba4c3u);
  EXPECT_EQ(result_of("mov.u32 %r2, -8; shr.s32 %r3, %r2, 1;"), 0xfffffffcu);
  EXPECT_EQ(result_of("shl.b32 %r3, 1, 32;"), 0u);
  EXPECT_EQ(result_of("bfi.b32 %r3, 5, 0xff00, 4, 3;"), 0xff50u);
  EXPECT_EQ(result_of("shf.l.wrap.b32 %r3, 0x80000000, 1, 1;"), 3u);
  EXPECT_EQ(result_of("brev.b32 %r3, 1;"), 0x80000000u);
  EXPECT_EQ(result_of("bfind.shiftamt.u32 %r3, 1;"), 31u);
  EXPECT_EQ(result_of("mov.b64 %rd2, {%r1, 7}; mov.b64 {%r2, %r3}, %rd2;"), 7u);
  EXPECT_EQ(
      result_of("setp.lt.s32 %p1, -1, 0; setp.lt.u32 %p2, -1, 0; xor.pred %p3, %p1, %p2; selp.u32 %r3, 1, 2, %p3;"),
      1u);
}

TEST(Ptx, Floats) {
  EXPECT_EQ(result_of("fma.rn.f32 %r3, 0f3F800001, 0f3F800001, 0fBF800002;"), 0x28800000u);  // 2^-46, not 0
  EXPECT_EQ(result_of("min.f32 %r3, 0f7FC00000, 0f3F800000;"), 0x3f800000u);
  EXPECT_EQ(result_of("min.NaN.f32 %r3, 0f7FC00000, 0f3F800000;"), 0x7fffffffu);
  EXPECT_EQ(result_of("max.f32 %r3, 0f80000000, 0f00000000;"), 0u);
  EXPECT_EQ(result_of("neg.f32 %r3, 0f7FC00001;"), 0xffc00001u);
  EXPECT_EQ(result_of("cvt.rn.bf16.f32 %rs1, 0f3F808000; mov.b32 %r3, {%rs1, %rs1};"), 0x3f803f80u);  // a tie, to even
  EXPECT_EQ(result_of("rcp.approx.ftz.f32 %r3, 0f40800000;"), 0x3e800000u);
  EXPECT_EQ(result_of("ex2.approx.ftz.f32 %r3, 0f40400000;"), 0x41000000u);
  // Unordered and ordered comparisons of a NaN.
  EXPECT_EQ(result_of("setp.geu.f32 %p1, 0f7FC00000, 0f00000000; selp.u32 %r3, 1, 2, %p1;"), 1u);
  EXPECT_EQ(result_of("setp.ge.f32 %p1, 0f7FC00000, 0f00000000; selp.u32 %r3, 1, 2, %p1;"), 2u);
}

TEST(Ptx, ScopesEndWhereTheirBraceDoes) {
  EXPECT_EQ(result_of("{\nmov.u32 %r3, 5;\n}\nadd.s32 %r3, %r3, 1;\n"), 6u);
  EXPECT_THROW(parse(".visible .entry k(\n)\n{\nret;\n", "k"), std::runtime_error);
}

TEST(Ptx, BranchesAndPredicates) {
  const std::string loop =
      "mov.u32 %r3, 0;\n$L__BB0_1:\n\tadd.s32 %r3, %r3, 2;\n\tsetp.ne.s32 %p1, %r3, 10;\n\t@%p1 bra $L__BB0_1;\n";
  EXPECT_EQ(result_of(loop + "@!%p1 add.s32 %r3, %r3, 1;\n@%p1 add.s32 %r3, %r3, 100;\n"), 11u);
}

// A register that is never written has a zero, whatever came and went before it is read.
TEST(Ptx, RegistersShareAPlaceWithoutALoss) {
  std::string chain = "mov.u32 %r10, %r1;\n";
  for (int n = 10; n < 100; ++n) {
    chain += "add.s32 %r" + std::to_string(n + 1) + ", %r" + std::to_string(n) + ", 1;\n";
  }
  EXPECT_LT(kernel_of(chain).registers.size(), 10u);
  EXPECT_EQ(result_of(chain + "add.s32 %r3, %r100, %r9;\n"), 90u);
  const std::string loop =
      "mov.u32 %r5, 100;\n mov.u32 %r2, 0;\n$L__BB0_1:\n mul.lo.s32 %r6, %r2, 1;\n add.s32 %r2, %r6, 1;\n"
      "add.s32 %r7, %r7, 10;\n setp.ne.s32 %p1, %r2, 3;\n @%p1 bra $L__BB0_1;\n";
  EXPECT_EQ(result_of(loop + "add.s32 %r8, %r5, %r2;\n add.s32 %r3, %r8, %r7;\n"), 133u);
  // Where the predicate is false the older value stays.
  EXPECT_EQ(result_of("mov.u32 %r3, 2;\n setp.ne.s32 %p1, %r1, 0;\n mov.u32 %r4, 7;\n @%p1 mov.u32 %r3, %r4;\n"), 2u);
}

// A predicate that does not hold leaves an instruction out; it counts all the same.
TEST(Ptx, InstructionsAreCounted) {
  std::uint64_t parameter = 0;
  Kernel kernel = kernel_of(
      "mov.u32 %r3, 0;\n$L__BB0_1:\n add.s32 %r3, %r3, 1;\n setp.ne.s32 %p1, %r3, 4;\n @%p1 bra $L__BB0_1;\n"
      "@%p1 mov.u32 %r3, 9;\n bar.sync 0;\n nanosleep.u32 20;\n");
  Block block(kernel, {1, 2, 0, reinterpret_cast<const unsigned char*>(&parameter)}, 0);
  while (!block.is_done()) block.run(0, false);
  EXPECT_EQ(block.executed(), 2u * (3 + 4 * 3 + 4));
  std::vector<std::size_t> never_ran;
  for (std::size_t at = 0; at < kernel.code.size(); ++at) {
    if (!kernel.code[at].ran) never_ran.push_back(at);
  }
  EXPECT_EQ(never_ran, (std::vector<std::size_t>{6, 10}));  // the one left out, and the end behind `ret`
}

// Every lane gives its number times three to the next one, and all see who is odd.
TEST(Ptx, LanesMeet) {
  std::vector<std::uint32_t> out(64);
  run(kernel_of("mul.lo.s32 %r2, %r1, 3;\n add.s32 %r4, %r1, 1;\n"
                "shfl.sync.idx.b32 %r3|%p1, %r2, %r4, 31, -1;\n"
                "and.b32 %r5, %r1, 1;\n setp.eq.s32 %p2, %r5, 1;\n vote.sync.ballot.b32 %r6, %p2, -1;\n"
                "mul.wide.u32 %rd2, %r1, 8;\n add.s64 %rd3, %rd1, %rd2;\n st.global.v2.u32 [%rd3], {%r3, %r6};\n"),
      out.data(), 32);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[2 * lane], (lane + 1) % 32 * 3);
    EXPECT_EQ(out[2 * lane + 1], 0xaaaaaaaau);
  }
}

// What another warp has left in shared memory is there after a barrier.
TEST(Ptx, ThreadsMeetInABarrier) {
  std::vector<std::uint32_t> out(64);
  run(kernel_of("mul.wide.u32 %rd2, %r1, 4;\n mov.u64 %rd4, memory;\n add.s64 %rd5, %rd4, %rd2;\n"
                "st.shared.u32 [%rd5], %r1;\n bar.sync 0;\n xor.b32 %r2, %r1, 32;\n mul.wide.u32 %rd6, %r2, 4;\n"
                "add.s64 %rd7, %rd4, %rd6;\n ld.shared.u32 %r3, [%rd7];\n add.s64 %rd3, %rd1, %rd2;\n"
                "st.global.u32 [%rd3], %r3;\n"),
      out.data(), 64, 256);
  for (std::uint32_t t = 0; t < 64; ++t) EXPECT_EQ(out[t], t ^ 32u);
}

TEST(Ptx, CopiesComeWhenTheyAreWaitedFor) {
  alignas(16) std::uint32_t memory[4] = {11, 0, 0, 0};
  run(kernel_of("mov.u32 %r2, memory;\n cp.async.ca.shared.global [%r2], [%rd1], 4;\n cp.async.commit_group;\n"
                "ld.shared.u32 %r3, [%r2];\n st.global.u32 [%rd1+4], %r3;\n cp.async.wait_group 1;\n"
                "ld.shared.u32 %r3, [%r2];\n st.global.u32 [%rd1+8], %r3;\n cp.async.wait_group 0;\n"
                "ld.shared.u32 %r3, [%r2];\n st.global.u32 [%rd1+12], %r3;\n"),
      memory, 1, 16);
  EXPECT_EQ(memory[1], 0xfffbfffbu);
  EXPECT_EQ(memory[2], 0xfffbfffbu);
  EXPECT_EQ(memory[3], 11u);
}

TEST(Ptx, KernelsThatNothingLaunchesAreKnown) {
  const std::string path = testing::TempDir() + "spikescan_two_kernels.ptx";
  std::ofstream(path) << ".visible .entry _Z3onei(\n)\n{\n\tret;\n}\n.visible .entry _Z3twoi(\n)\n{\n\tret;\n}\n";
  add_file(path);
  EXPECT_EQ(never_launched("("), (std::vector<std::string>{"one(int)", "two(int)"}));
  launch("_Z3onei", 1, 1, nullptr, 0);
  EXPECT_EQ(never_launched("("), std::vector<std::string>{"two(int)"});
  EXPECT_EQ(never_launched("one"), std::vector<std::string>{});
}

TEST(Ptx, RefusesWhatADeviceWouldNotHave) {
  EXPECT_NE(refusal_of("ld.global.u32 %r3, [%rd1+2];").find("no multiple of the access"), std::string::npos);
  EXPECT_NE(refusal_of("ld.global.v4.u32 {%r2,%r3,%r4,%r5}, [%rd1+8];").find("no multiple"), std::string::npos);
  EXPECT_NE(refusal_of("mov.u32 %r2, memory; ld.shared.u32 %r3, [%r2+64];", 1, 64).find("beyond shared memory"),
            std::string::npos);
  EXPECT_NE(refusal_of("mov.u64 %rd2, 0; ld.global.u32 %r3, [%rd2];").find("null pointer"), std::string::npos);
  EXPECT_NE(refusal_of("bar.warp.sync 2;").find("without the lane"), std::string::npos);
  EXPECT_NE(refusal_of("setp.eq.s32 %p1, %r1, 0; @%p1 bar.sync 0;", 2).find("has ended"), std::string::npos);
  EXPECT_NE(refusal_of("setp.eq.s32 %p1, %r1, 0; @%p1 bar.sync 0; bar.warp.sync 3;", 2).find("every thread left waits"),
            std::string::npos);
  EXPECT_NE(refusal_of("mov.b32 {%rs1, %rs2, %rs3, %rs4}, %r1;").find("no parts of such sizes"), std::string::npos);
  EXPECT_NE(refusal_of("ld.global.u32 %r3, [%rd1+4294967296];").find("an offset beyond 32 bits"), std::string::npos);
  EXPECT_NE(refusal_of("tanh.approx.f32 %r3, %r2;").find("unknown instruction 'tanh"), std::string::npos);
}

}  // namespace
}  // namespace ptx
