#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("Cannot ask for the limit of open files: %s", strerror(errno));
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("Cannot raise the limit of open files: %s", strerror(errno));
}

static void open_connection(struct connection *connection, const char *address, const struct frame *frame, size_t depth) {
  connection->depth = depth;
  connection->frame_bytes = frame->size;
  connection->slots_bytes = frame->size * depth;
  connection->slots = malloc(connection->slots_bytes);
  if (connection->slots == NULL) fail("Out of memory for %zu frames", depth);
  for (size_t i = 0; i < depth; i++) memcpy(connection->slots + i * frame->size, frame->bytes, frame->size);
  connection->fd = connect_to(address);
  if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0) fail("Cannot set O_NONBLOCK: %s", strerror(errno));
}

struct connection *open_connections(int epoll, const char *address, const char *frames_path, size_t count, size_t depth) {
  raise_file_limit();
  struct frame *frames;
  size_t frame_count = read_frames(frames_path, &frames);
  struct connection *connections = calloc(count, sizeof *connections);
  if (connections == NULL) fail("Out of memory for %zu connections", count);
  for (size_t i = 0; i < count; i++) {
    open_connection(&connections[i], address, &frames[i % frame_count], depth);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &connections[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) fail("Cannot poll: %s", strerror(errno));
  }
  return connections;
}

int has_room(const struct connection *connection) {
  return connection->queued - connection->answered < connection->depth;
}

void queue_request(struct connection *connection) {
  size_t at = (connection->queued % connection->depth) * connection->frame_bytes;
  write_uint32(connection->slots + at + REQUEST_CORRELATION_AT, (uint32_t)connection->queued);
  connection->queued++;
}

void send_queued(struct connection *connection) {
  uint64_t end = connection->queued * connection->frame_bytes;
  while (connection->sent_bytes < end) {
    size_t at = connection->sent_bytes % connection->slots_bytes;
    size_t left = connection->slots_bytes - at;
    size_t size = end - connection->sent_bytes < left ? (size_t)(end - connection->sent_bytes) : left;
    ssize_t sent = send(connection->fd, connection->slots + at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) fail("Cannot send: %s", strerror(errno));
    connection->sent_bytes += (uint64_t)sent;
  }
}

static void check_answer(const struct connection *connection, const uint8_t *answer, size_t size, size_t error_at) {
  if (size < error_at + 2) fail("An answer of %zu bytes is too short", size);
  uint32_t correlation = read_uint32(answer + RESPONSE_CORRELATION_AT);
  if (correlation != (uint32_t)connection->answered) {
    fail("Request %u was answered where %llu was due", correlation, (unsigned long long)connection->answered);
  }
  if (connection->answered == connection->queued) fail("An answer came to no request");
  int error = (int16_t)read_uint16(answer + error_at);
  if (error != 0) fail("The broker answered with error %d", error);
}

/* Takes whole answers from the input and keeps the beginning of the next one. */
static void take_answers(struct connection *connection, size_t error_at) {
  size_t at = 0;
  while (connection->input_bytes - at >= PREFIX_BYTES) {
    size_t size = PREFIX_BYTES + (size_t)read_uint32(connection->input + at);
    if (size > CONNECTION_INPUT_BYTES) fail("An answer of %zu bytes is too long", size);
    if (connection->input_bytes - at < size) break;
    check_answer(connection, connection->input + at, size, error_at);
    connection->answered++;
    at += size;
  }
  connection->input_bytes -= at;
  memmove(connection->input, connection->input + at, connection->input_bytes);
}

/* Until the socket is empty, as edge-triggered epoll demands; a read that filled less than it could emptied it. */
void receive_answers(struct connection *connection, size_t error_at) {
  for (;;) {
    size_t room = CONNECTION_INPUT_BYTES - connection->input_bytes;
    ssize_t got = recv(connection->fd, connection->input + connection->input_bytes, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) fail("Cannot receive: %s", strerror(errno));
    if (got == 0) fail("The broker closed a connection");
    connection->input_bytes += (size_t)got;
    take_answers(connection, error_at);
    if ((size_t)got < room) return;
  }
}

uint64_t count_answered(const struct connection *connections, size_t count) {
  uint64_t answered = 0;
  for (size_t i = 0; i < count; i++) answered += connections[i].answered;
  return answered;
}

uint64_t count_queued(const struct connection *connections, size_t count) {
  uint64_t queued = 0;
  for (size_t i = 0; i < count; i++) queued += connections[i].queued;
  return queued;
}
