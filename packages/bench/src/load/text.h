/*
 * Values for messages. What a broker does with a batch may depend on how far it compresses, so values are neither all
 * alike nor random: they are text of made-up words, some of them far more frequent than others, with numbers between.
 */
#ifndef OTTLA_BENCH_TEXT_H
#define OTTLA_BENCH_TEXT_H

#include <stddef.h>

/* More than the largest batches of a few partitions together, so that none holds a passage twice. */
#define TEXT_BYTES (8 * 1024 * 1024)

/* Values of one size, taken from a text one behind the other; at its end they begin again, a little further on. */
struct values {
  char *text;
  size_t bytes;
  size_t at;
};

/* The same text in every process. It is never freed: messages refer to it until the end. */
char *make_text(void);

/* Values from a text that several may share; each begins at its own place. */
struct values make_values(char *text, size_t bytes, size_t begin);

/* The next value, of `values->bytes` bytes. */
char *next_value(struct values *values);

#endif
