/*
 * A connection on which copies of one Produce request are pipelined. One system call sends all that became possible,
 * and of an answer only its length, its correlation id and one error code are looked at, so that it costs far less than
 * the broker at its other end.
 */
#ifndef OTTLA_BENCH_CONNECTION_H
#define OTTLA_BENCH_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* More than one answer takes. */
#define CONNECTION_INPUT_BYTES (16 * 1024)

/* Requests are numbered from 0; request n lies in slot n % depth until it is answered, and n is its correlation id. */
struct connection {
  int fd;
  size_t depth;
  uint8_t *slots;
  size_t slots_bytes;
  size_t frame_bytes;
  uint64_t queued;
  uint64_t sent_bytes;
  uint64_t answered;
  uint8_t input[CONNECTION_INPUT_BYTES];
  size_t input_bytes;
};

/*
 * Connects `count` connections with up to `depth` requests unanswered, connection i with frame i, or from the first
 * again where there are fewer; tells `epoll`, edge-triggered, of each, with the connection as its data. Where the system
 * limits open files, the limit is raised as far as it may be.
 */
struct connection *open_connections(int epoll, const char *address, const char *frames_path, size_t count, size_t depth);

/* Whether another request may be queued. */
int has_room(const struct connection *connection);

/* There is room. */
void queue_request(struct connection *connection);

/* Sends what is queued as far as the socket takes it; epoll tells when it takes more. */
void send_queued(struct connection *connection);

/* Reads all answers that are there; `error_at` is where their int16 error code stands. An error ends the process. */
void receive_answers(struct connection *connection, size_t error_at);

uint64_t count_answered(const struct connection *connections, size_t count);
uint64_t count_queued(const struct connection *connections, size_t count);

#endif
