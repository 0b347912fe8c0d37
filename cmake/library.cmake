# The library, and two more ways to link the same sources for tests:
#   spikescan            the shared library: host API, CPU backend, CUDA backend where nvcc is found
#   spikescan_internal   static, CPU alone, for tests that look inside
#   spikescan_simt       static; its CUDA backend is the kernels' own source run by the SIMT harness (tests/simt)
find_package(OpenMP REQUIRED COMPONENTS CXX)

add_library(spikescan_warnings INTERFACE)
target_compile_options(spikescan_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra>)

# Arithmetic must not depend on the compiler's mood: no contraction but the explicit fma.
set(SPIKESCAN_STRICT_FLOAT -ffp-contract=off)

function(spikescan_sources name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_definitions(${name} PRIVATE SPIKESCAN_BUILDING)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${SPIKESCAN_STRICT_FLOAT}>)
  target_link_libraries(${name} PRIVATE spikescan_warnings OpenMP::OpenMP_CXX)
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden
                                           VISIBILITY_INLINES_HIDDEN ON)
endfunction()

file(GLOB spikescan_host_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/*.cpp)
spikescan_sources(spikescan_host ${spikescan_host_sources})
spikescan_sources(spikescan_cpu kernels/cpu/cpu_backend.cpp kernels/cpu/decay_gradients.cpp kernels/cpu/processor_facts.cpp
                  kernels/cpu/huge_pages.cpp kernels/cpu/instruction_sets.cpp kernels/cpu/run_passes.cpp
                  kernels/cpu/threads.cpp)
set(spikescan_common $<TARGET_OBJECTS:spikescan_host> $<TARGET_OBJECTS:spikescan_cpu>)

# One copy of the lane passes for each instruction set; usable_passes() picks at run time. Highway serves as headers
# alone: each copy uses its static target, and nothing of its library is linked.
find_path(SPIKESCAN_HIGHWAY_INCLUDE hwy/highway.h REQUIRED)
foreach(header highway.h base.h) # releases have it in the one or the other
  file(STRINGS ${SPIKESCAN_HIGHWAY_INCLUDE}/hwy/${header} highway_too_old REGEX "define HWY_MAJOR 0$")
  if(highway_too_old)
    message(FATAL_ERROR "spikescan: Google Highway 1.0.3 or newer is needed; ${SPIKESCAN_HIGHWAY_INCLUDE}/hwy is older "
                        "(as Ubuntu 22.04's libhwy-dev is). Its headers are enough: name the folder that holds hwy/ by "
                        "-DSPIKESCAN_HIGHWAY_INCLUDE=...")
  endif()
endforeach()
set(SPIKESCAN_LANE_FLAGS -O3 CACHE STRING "How the CPU's lane passes are optimised; they take minutes to compile at -O3")
mark_as_advanced(SPIKESCAN_LANE_FLAGS)
if(SPIKESCAN_SANITIZE)
  # Every pass is one large function of vectors: checks in line, and checks of what the processor itself refuses (an
  # aligned load that is not), would take the compiler a quarter of an hour.
  set(SPIKESCAN_LANE_FLAGS -O1 -g1 -fno-var-tracking-assignments --param=asan-instrumentation-with-call-threshold=0
                           -fno-sanitize=null,alignment,object-size)
endif()
function(spikescan_instruction_set isa)
  spikescan_sources(spikescan_cpu_${isa} ${PROJECT_SOURCE_DIR}/kernels/cpu/lane_passes.cpp)
  target_include_directories(spikescan_cpu_${isa} SYSTEM PRIVATE ${SPIKESCAN_HIGHWAY_INCLUDE})
  target_compile_definitions(spikescan_cpu_${isa} PRIVATE SPIKESCAN_ELEMENT_ISA=${isa})
  target_compile_options(spikescan_cpu_${isa} PRIVATE ${SPIKESCAN_LANE_FLAGS} ${ARGN})
endfunction()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(spikescan_isas sse4 avx2 avx512)
  set(spikescan_flags_sse4 -mssse3 -msse4.1 -msse4.2)
  set(spikescan_flags_avx2 -mavx2 -mfma -mf16c -mbmi -mbmi2)
  # All that Highway's AVX3 has in any release: its functions are not inlined where less is allowed. Tuned for any
  # processor with AVX-512, which GCC has no name for: forward took 1 to 5% less (docs/cpu.md).
  set(spikescan_flags_avx512 ${spikescan_flags_avx2} -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl
                             -mprefer-vector-width=512 -mtune=icelake-server)
  target_compile_definitions(spikescan_cpu PRIVATE SPIKESCAN_X86_ISAS)
else()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
    set(spikescan_isas neon) # every such processor has it
  else()
    set(spikescan_isas baseline) # what the compiler's flags allow
  endif()
  target_compile_definitions(spikescan_cpu PRIVATE SPIKESCAN_ONLY_ISA=${spikescan_isas})
endif()
foreach(isa IN LISTS spikescan_isas)
  # Old and small processors alone stop at SSE4: its copy is compiled in little more than a third of the time, and a
  # tenth slower.
  set(optimisation)
  if(isa STREQUAL "sse4" AND "${SPIKESCAN_LANE_FLAGS}" STREQUAL "-O3")
    set(optimisation -O1)
  endif()
  spikescan_instruction_set(${isa} ${spikescan_flags_${isa}} ${optimisation})
  list(APPEND spikescan_common $<TARGET_OBJECTS:spikescan_cpu_${isa}>)
endforeach()

spikescan_sources(spikescan_no_cuda kernels/cuda/absent.cpp)
set(spikescan_cuda_sources kernels/cuda/cuda_backend.cu kernels/cuda/forward.cu kernels/cuda/backward.cu
    kernels/cuda/chunk_chain.cu kernels/cuda/lif.cu kernels/cuda/spsn.cu kernels/cuda/cuba_lif.cu
    kernels/cuda/psu_lif.cu)
set(spikescan_cuda_objects $<TARGET_OBJECTS:spikescan_no_cuda>)
if(SPIKESCAN_HAVE_CUDA)
  spikescan_sources(spikescan_cuda ${spikescan_cuda_sources})
  # The kernels' bits need all four (docs/reproducibility.md). They win over --use_fast_math in CMAKE_CUDA_FLAGS, which
  # would set them the other way.
  set(SPIKESCAN_STRICT_DEVICE_FLOAT --fmad=false --ftz=false --prec-div=true --prec-sqrt=true)
  # nvcc hands device code with its own pragmas on to the host's compiler, which does not know them.
  target_compile_options(spikescan_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:${SPIKESCAN_STRICT_DEVICE_FLOAT};--expt-relaxed-constexpr;--threads=2;-Xptxas=--warn-on-spills;-Xptxas=--warn-on-local-memory-usage;-Xcompiler=-Wall,-Wno-unknown-pragmas,${SPIKESCAN_STRICT_FLOAT}>)
  spikescan_cuda_architectures(spikescan_cuda)
  if(SPIKESCAN_CURAND_INCLUDE)
    target_include_directories(spikescan_cuda SYSTEM PRIVATE ${SPIKESCAN_CURAND_INCLUDE})
  endif()
  set(spikescan_cuda_objects $<TARGET_OBJECTS:spikescan_cuda>)
endif()

# While the major version is 0 each minor version is an ABI of its own (CHANGELOG.md).
set(SPIKESCAN_SOVERSION ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(SPIKESCAN_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()

# `cuda_runtime` is Static in what is installed, so that it loads where there is no driver, and Shared for the tests
# that put a stub in the runtime's place.
function(spikescan_shared_library name cuda_runtime)
  add_library(${name} SHARED ${spikescan_common} ${spikescan_cuda_objects})
  target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  target_compile_features(${name} INTERFACE c_std_99)
  target_link_libraries(${name} PRIVATE OpenMP::OpenMP_CXX)
  target_link_options(${name} PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/host/spikescan.map -Wl,--no-undefined)
  set_target_properties(${name} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${SPIKESCAN_SOVERSION}
                                           LINKER_LANGUAGE CXX LINK_DEPENDS ${PROJECT_SOURCE_DIR}/host/spikescan.map)
  if(SPIKESCAN_HAVE_CUDA)
    set_target_properties(${name} PROPERTIES CUDA_RUNTIME_LIBRARY ${cuda_runtime} LINKER_LANGUAGE CUDA)
  endif()
endfunction()
spikescan_shared_library(spikescan Static)
add_library(spikescan::spikescan ALIAS spikescan)

if(SPIKESCAN_TESTS)
  add_library(spikescan_internal STATIC ${spikescan_common} $<TARGET_OBJECTS:spikescan_no_cuda>)
  target_include_directories(spikescan_internal PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(spikescan_internal PUBLIC OpenMP::OpenMP_CXX)
  target_compile_options(spikescan_internal PUBLIC ${SPIKESCAN_STRICT_FLOAT})
endif()
