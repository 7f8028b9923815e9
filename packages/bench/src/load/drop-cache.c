/*
 * Writes the files of a topic out to the disk and lets the kernel forget what it holds of them in memory, so that who
 * reads them next reads from the disk. Needs no rights but those to the files.
 *
 *   drop-cache DIRECTORY TOPIC
 *
 * Its files are those in directories beneath DIRECTORY that are called TOPIC, a hyphen, and something.
 *
 * Prints one line: {"files":…,"bytes":…,"residentBytes":…}; residentBytes is what stayed in memory nevertheless, such as
 * pages that a process has mapped.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

#define DESCRIPTORS_MAX 16

static char partition_prefix[300];

static struct {
  size_t files;
  size_t bytes;
  size_t resident_bytes;
} found;

static size_t count_resident(const char *path, int fd, size_t size) {
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  size_t pages = (size + page_bytes - 1) / page_bytes;
  unsigned char *present = malloc(pages);
  void *mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (present == NULL || mapped == MAP_FAILED) fail("Cannot map \"%s\": %s", path, strerror(errno));
  if (mincore(mapped, size, present) != 0) fail("Cannot see what is in memory of \"%s\": %s", path, strerror(errno));
  size_t resident = 0;
  for (size_t i = 0; i < pages; i++) resident += present[i] & 1;
  munmap(mapped, size);
  free(present);
  return resident * page_bytes;
}

static int drop(const char *path, const struct stat *stat, int type, struct FTW *place) {
  (void)place;
  if (type != FTW_F || !S_ISREG(stat->st_mode) || stat->st_size == 0 || strstr(path, partition_prefix) == NULL) return 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  /* Brokers delete files as they go. */
  if (fd < 0 && errno == ENOENT) return 0;
  if (fd < 0) fail("Cannot open \"%s\": %s", path, strerror(errno));
  /* Only what is on the disk can be forgotten. */
  if (fsync(fd) != 0) fail("Cannot sync \"%s\": %s", path, strerror(errno));
  int error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) fail("Cannot advise on \"%s\": %s", path, strerror(error));
  found.files++;
  found.bytes += (size_t)stat->st_size;
  found.resident_bytes += count_resident(path, fd, (size_t)stat->st_size);
  close(fd);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) fail("See the head of drop-cache.c for the arguments");
  snprintf(partition_prefix, sizeof partition_prefix, "/%s-", argv[2]);
  if (nftw(argv[1], drop, DESCRIPTORS_MAX, FTW_PHYS) != 0) fail("Cannot walk \"%s\": %s", argv[1], strerror(errno));
  printf("{\"files\":%zu,\"bytes\":%zu,\"residentBytes\":%zu}\n", found.files, found.bytes, found.resident_bytes);
  return 0;
}
