/*
 * What the load generators share: a connection, frames that were built beforehand, the clock, the process's CPU time.
 *
 * A frame file holds requests one after another, each with its length prefix, as they go over the wire. The generators
 * change only the correlation id of a request and look only at the places of a response that they are told, so that
 * they know nothing else of the protocol and cost next to nothing.
 */
#ifndef OTTLA_BENCH_WIRE_H
#define OTTLA_BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Of a frame, prefix included: int32 size, int16 API key, int16 API version, int32 correlation id. */
#define REQUEST_CORRELATION_AT 8
/* int32 size, int32 correlation id. */
#define RESPONSE_CORRELATION_AT 4
#define PREFIX_BYTES 4

struct frame {
  uint8_t *bytes;
  size_t size;
};

/* Prints to standard error and ends the process with status 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A connected TCP socket without Nagle's delay; `address` is HOST:PORT, the host as digits. */
int connect_to(const char *address);

/* Reads a frame file whole; answers how many frames there are and allocates them. */
size_t read_frames(const char *path, struct frame **frames);

/* Sends everything, waiting as long as the peer makes us wait. */
void send_all(int fd, const void *bytes, size_t size);

uint16_t read_uint16(const uint8_t *at);
uint32_t read_uint32(const uint8_t *at);
uint64_t read_uint64(const uint8_t *at);
void write_uint32(uint8_t *at, uint32_t value);
void write_uint64(uint8_t *at, uint64_t value);

double monotonic_seconds(void);

/* User and system time of all threads of this process. */
double cpu_seconds(void);

/* A whole or broken number from the command line, at least `least`. */
double number_argument(char option, const char *text, double least);

#endif
