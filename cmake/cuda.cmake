# Finds nvcc and NVIDIA's headers. Without nvcc the library is built for the CPU alone, and says so; without the headers
# the SIMT harness, which compiles the kernels for the host, is left out as well.
#   SPIKESCAN_HAVE_CUDA          the CUDA backend is built
#   SPIKESCAN_CUDA_INCLUDE_DIRS  CUDA runtime, libcu++ and cuRAND headers; empty where they are missing
set(SPIKESCAN_HAVE_CUDA OFF)
set(SPIKESCAN_CUDA_INCLUDE_DIRS "")

if(NOT SPIKESCAN_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  # A toolkit in its usual place counts where PATH does not name it.
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(SPIKESCAN_NVCC nvcc PATHS /usr/local/cuda/bin)
    if(SPIKESCAN_NVCC)
      set(ENV{CUDACXX} ${SPIKESCAN_NVCC})
    endif()
  endif()
  # What the compiler check links would otherwise be built for an architecture that a new nvcc has dropped.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(SPIKESCAN_HAVE_CUDA ON)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_EXTENSIONS OFF)
  elseif(SPIKESCAN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "spikescan: SPIKESCAN_CUDA=ON but nvcc was not found; set CMAKE_CUDA_COMPILER or SPIKESCAN_CUDA=AUTO")
  else()
    message(STATUS "spikescan: no nvcc; building for the CPU alone")
  endif()
endif()

# cuRAND's Philox header is missing from small toolkits; NVIDIA's wheel nvidia-curand has it (tools/setup).
file(GLOB spikescan_wheel_includes ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/nvidia/*/include)
find_path(SPIKESCAN_CUDA_RUNTIME_INCLUDE cuda_runtime_api.h
          HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} ${spikescan_wheel_includes}
          PATHS /usr/local/cuda/include)
find_path(SPIKESCAN_LIBCUXX_INCLUDE cuda/atomic
          HINTS ${SPIKESCAN_CUDA_RUNTIME_INCLUDE}/cccl ${SPIKESCAN_CUDA_RUNTIME_INCLUDE} ${spikescan_wheel_includes}
          PATH_SUFFIXES . cccl)
find_path(SPIKESCAN_CURAND_INCLUDE curand_philox4x32_x.h
          HINTS ${SPIKESCAN_CUDA_RUNTIME_INCLUDE} ${spikescan_wheel_includes})
if(SPIKESCAN_CUDA_RUNTIME_INCLUDE AND SPIKESCAN_LIBCUXX_INCLUDE)
  set(SPIKESCAN_CUDA_INCLUDE_DIRS ${SPIKESCAN_CUDA_RUNTIME_INCLUDE} ${SPIKESCAN_LIBCUXX_INCLUDE})
  if(SPIKESCAN_CURAND_INCLUDE)
    list(APPEND SPIKESCAN_CUDA_INCLUDE_DIRS ${SPIKESCAN_CURAND_INCLUDE})
  else()
    message(STATUS "spikescan: no cuRAND headers; the kernels use the library's own Philox, and no test compares the two")
  endif()
  list(REMOVE_DUPLICATES SPIKESCAN_CUDA_INCLUDE_DIRS)
else()
  message(STATUS "spikescan: no CUDA headers; the SIMT harness is left out")
endif()

# The kernels ask no GPU for what an older one lacks: their PTX for the lowest architecture is that of the others, and
# making it takes half of a compilation. So it is made once, for every architecture's machine code and for GPUs that are
# not named. What is more than a number (native, 90a, 90-virtual) is CMake's to understand.
function(spikescan_cuda_architectures target)
  set(numbers ${CMAKE_CUDA_ARCHITECTURES})
  list(FILTER numbers INCLUDE REGEX "^[0-9]+$")
  if(NOT "${numbers}" STREQUAL "${CMAKE_CUDA_ARCHITECTURES}")
    return()
  endif()
  list(SORT numbers COMPARE NATURAL)
  list(GET numbers 0 lowest)
  set(options --generate-code=arch=compute_${lowest},code=compute_${lowest})
  foreach(number IN LISTS numbers)
    list(APPEND options --generate-code=arch=compute_${lowest},code=sm_${number})
  endforeach()
  set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES OFF)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${options}>")
endfunction()
