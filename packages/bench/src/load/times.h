/* Times that a generator gathers and prints as quantiles. */
#ifndef OTTLA_BENCH_TIMES_H
#define OTTLA_BENCH_TIMES_H

#include <stddef.h>

struct times {
  double *ms;
  size_t count;
  size_t count_max;
};

struct times make_times(size_t count_max);

/* More than there is room for ends the process. */
void add_time(struct times *times, double ms);

/* Writes the times to a file, each as a line of whole nanoseconds. */
void write_times(const char *path, const struct times *times);

/* Prints "NAME":{"p50":…,"p99":…,"p999":…,"max":…} without a comma; sorts the times. */
void print_times(const char *name, struct times *times);

#endif
