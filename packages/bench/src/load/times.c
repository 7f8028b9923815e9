#include "times.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

struct times make_times(size_t count_max) {
  struct times times = {.ms = malloc((count_max + 1) * sizeof(double)), .count = 0, .count_max = count_max};
  if (times.ms == NULL) fail("Out of memory for %zu times", count_max);
  return times;
}

void add_time(struct times *times, double ms) {
  if (times->count == times->count_max) fail("More than %zu times came", times->count_max);
  times->ms[times->count++] = ms;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The smallest of the sorted times that at least this share of all do not exceed. */
static double quantile(const struct times *times, double share) {
  if (times->count == 0) return 0;
  size_t rank = (size_t)(share * (double)times->count);
  return times->ms[rank < times->count ? rank : times->count - 1];
}

void print_times(const char *name, struct times *times) {
  qsort(times->ms, times->count, sizeof(double), ascending);
  printf("\"%s\":{\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f}", name, quantile(times, 0.5),
         quantile(times, 0.99), quantile(times, 0.999), quantile(times, 1));
}

void write_times(const char *path, const struct times *times) {
  FILE *file = fopen(path, "w");
  if (file == NULL) fail("Cannot open \"%s\": %s", path, strerror(errno));
  for (size_t i = 0; i < times->count; i++) fprintf(file, "%.0f\n", times->ms[i] * 1e6);
  if (fclose(file) != 0) fail("Cannot write \"%s\": %s", path, strerror(errno));
}
