# Builds GoogleTest, the CPU backend and some of its tests for 64-bit ARM, file after file: most of it is one large file,
# beside which the other processor has tests to run.
#   cmake -D SOURCE=... -D GOOGLETEST=... -D HIGHWAY=... -D BUILD=... -D GENERATOR=... -P build.cmake
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The machine's own headers are not ARM's, and Highway's lie among them.
file(MAKE_DIRECTORY ${BUILD}/highway)
file(CREATE_LINK ${HIGHWAY}/hwy ${BUILD}/highway/hwy SYMBOLIC)

set(configure ${CMAKE_COMMAND} -G ${GENERATOR} -D CMAKE_TOOLCHAIN_FILE=${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake
    -D CMAKE_MESSAGE_LOG_LEVEL=WARNING)
run(${configure} -S ${GOOGLETEST} -B ${BUILD}/googletest -D BUILD_GMOCK=OFF -D CMAKE_INSTALL_PREFIX=${BUILD}/installed)
run(${CMAKE_COMMAND} --build ${BUILD}/googletest --parallel 1 --target install)
# The passes at -O1: compiled in a third of the time, and the same bits.
run(${configure} -S ${SOURCE} -B ${BUILD}/spikescan -D CMAKE_PREFIX_PATH=${BUILD}/installed
    -D SPIKESCAN_HIGHWAY_INCLUDE=${BUILD}/highway -D SPIKESCAN_LANE_FLAGS=-O1 -D SPIKESCAN_CUDA=OFF
    -D SPIKESCAN_BENCH=OFF -D SPIKESCAN_EXAMPLES=OFF -D SPIKESCAN_PYTHON=OFF)
run(${CMAKE_COMMAND} --build ${BUILD}/spikescan --parallel 1 --target hash_outputs vector_functions_test)
