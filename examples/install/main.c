/* Links an installed spikescan from C: compares the library's version with the header's and asks for its devices. */
#include <spikescan/spikescan.h>
#include <stdio.h>

int main(void) {
  const int32_t header = SPIKESCAN_VERSION_MAJOR * 10000 + SPIKESCAN_VERSION_MINOR * 100 + SPIKESCAN_VERSION_PATCH;
  int32_t cpus = 0;
  if (spikescan_version_number() != header) {
    fprintf(stderr, "header %d, library %d\n", (int)header, (int)spikescan_version_number());
    return 1;
  }
  if (spikescan_device_count(SPIKESCAN_BACKEND_CPU, &cpus) != SPIKESCAN_OK || cpus != 1) {
    fprintf(stderr, "%s\n", spikescan_last_error());
    return 1;
  }
  printf("spikescan %s from C: version and devices are right\n", spikescan_version());
  return 0;
}
