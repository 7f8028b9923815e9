/*
 * Sends prebuilt Produce requests over several connections, each with up to DEPTH of them unanswered, and counts the
 * answers. Meant to cost far less than the broker it drives: one system call sends all that became possible, and of an
 * answer only its length, its correlation id and one error code are looked at.
 *
 *   raw-produce -b HOST:PORT -f FRAMES -e ERROR_AT [-c CONNECTIONS] [-d DEPTH] [-w WARM_UP_SECONDS] [-t SECONDS]
 *
 * FRAMES is a frame file (wire.h): connection i sends frame i, or begins again at the first where there are fewer.
 * ERROR_AT is where the int16 error code stands in a response frame, prefix included. With acks=0 there are no answers:
 * not for this program. Prints one line, of the time after the warm-up (allRequests: with it, and what was on its way):
 * {"requests":…,"seconds":…,"cpuSeconds":…,"allRequests":…}
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define INPUT_BYTES (64 * 1024)
#define CONNECTIONS_MAX 1024
/* How long the last answers may take, in seconds. */
#define DRAIN_SECONDS_MAX 10

struct settings {
  const char *address;
  const char *frames;
  size_t error_at;
  size_t connections;
  size_t depth;
  double warm_up_seconds;
  double seconds;
};

/* Frames are numbered from 0; frame n lies in slot n % depth until it is answered, and n is its correlation id. */
struct connection {
  int fd;
  uint8_t *slots;
  size_t slots_bytes;
  size_t frame_bytes;
  uint64_t queued;
  uint64_t sent_bytes;
  uint64_t answered;
  uint8_t input[INPUT_BYTES];
  size_t input_bytes;
};

static struct settings parse(int argc, char **argv) {
  struct settings settings = {.connections = 8, .depth = 1, .warm_up_seconds = 0, .seconds = 1};
  int option;
  while ((option = getopt(argc, argv, "b:f:e:c:d:w:t:")) != -1) {
    if (option == 'b') settings.address = optarg;
    else if (option == 'f') settings.frames = optarg;
    else if (option == 'e') settings.error_at = (size_t)number_argument('e', optarg, 8);
    else if (option == 'c') settings.connections = (size_t)number_argument('c', optarg, 1);
    else if (option == 'd') settings.depth = (size_t)number_argument('d', optarg, 1);
    else if (option == 'w') settings.warm_up_seconds = number_argument('w', optarg, 0);
    else if (option == 't') settings.seconds = number_argument('t', optarg, 0);
    else fail("See the head of raw-produce.c for the options");
  }
  if (settings.address == NULL || settings.frames == NULL || settings.error_at == 0) fail("-b, -f and -e are needed");
  if (settings.connections > CONNECTIONS_MAX) fail("At most %d connections", CONNECTIONS_MAX);
  return settings;
}

static void open_connection(struct connection *connection, const struct settings *settings, const struct frame *frame) {
  memset(connection, 0, sizeof *connection);
  connection->frame_bytes = frame->size;
  connection->slots_bytes = frame->size * settings->depth;
  connection->slots = malloc(connection->slots_bytes);
  if (connection->slots == NULL) fail("Out of memory for %zu frames", settings->depth);
  for (size_t i = 0; i < settings->depth; i++) memcpy(connection->slots + i * frame->size, frame->bytes, frame->size);
  connection->fd = connect_to(settings->address);
  if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0) fail("Cannot set O_NONBLOCK: %s", strerror(errno));
}

/* Fills the slots that are free. */
static void queue_frames(struct connection *connection) {
  while ((connection->queued - connection->answered) * connection->frame_bytes < connection->slots_bytes) {
    size_t at = (connection->queued * connection->frame_bytes) % connection->slots_bytes;
    write_uint32(connection->slots + at + REQUEST_CORRELATION_AT, (uint32_t)connection->queued);
    connection->queued++;
  }
}

/* Sends what is queued as far as the socket takes it; epoll tells when it takes more. */
static void send_queued(struct connection *connection) {
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

static void check_answer(struct connection *connection, const uint8_t *answer, size_t size, size_t error_at) {
  if (size < error_at + 2) fail("An answer of %zu bytes is too short", size);
  uint32_t correlation = read_uint32(answer + RESPONSE_CORRELATION_AT);
  if (correlation != (uint32_t)connection->answered) {
    fail("Request %u was answered where %llu was due", correlation, (unsigned long long)connection->answered);
  }
  int error = (int16_t)read_uint16(answer + error_at);
  if (error != 0) fail("The broker answered with error %d", error);
}

/* Takes whole answers from the input and keeps the beginning of the next one. */
static void take_answers(struct connection *connection, size_t error_at) {
  size_t at = 0;
  while (connection->input_bytes - at >= PREFIX_BYTES) {
    size_t size = PREFIX_BYTES + (size_t)read_uint32(connection->input + at);
    if (size > INPUT_BYTES) fail("An answer of %zu bytes is too long", size);
    if (connection->input_bytes - at < size) break;
    check_answer(connection, connection->input + at, size, error_at);
    connection->answered++;
    at += size;
  }
  connection->input_bytes -= at;
  memmove(connection->input, connection->input + at, connection->input_bytes);
}

/* Reads until the socket is empty, as edge-triggered epoll demands; a read that filled less than it could emptied it. */
static void receive(struct connection *connection, size_t error_at) {
  for (;;) {
    size_t room = INPUT_BYTES - connection->input_bytes;
    ssize_t got = recv(connection->fd, connection->input + connection->input_bytes, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) fail("Cannot receive: %s", strerror(errno));
    if (got == 0) fail("The broker closed a connection");
    connection->input_bytes += (size_t)got;
    take_answers(connection, error_at);
    if ((size_t)got < room) return;
  }
}

static uint64_t count_answered(const struct connection *connections, size_t count) {
  uint64_t answered = 0;
  for (size_t i = 0; i < count; i++) answered += connections[i].answered;
  return answered;
}

static uint64_t count_queued(const struct connection *connections, size_t count) {
  uint64_t queued = 0;
  for (size_t i = 0; i < count; i++) queued += connections[i].queued;
  return queued;
}

/* Serves whatever is ready until the time has come, or, once nothing more is queued, until all is answered. */
static void run_until(int epoll, struct connection *connections, const struct settings *settings, double end, int queueing) {
  struct epoll_event events[CONNECTIONS_MAX];
  double now;
  while ((now = monotonic_seconds()) < end) {
    if (!queueing && count_answered(connections, settings->connections) == count_queued(connections, settings->connections)) return;
    int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, (int)((end - now) * 1000) + 1);
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      receive(connection, settings->error_at);
      if (queueing) queue_frames(connection);
      send_queued(connection);
    }
  }
  if (!queueing) fail("The last answers did not come in %d s", DRAIN_SECONDS_MAX);
}

int main(int argc, char **argv) {
  struct settings settings = parse(argc, argv);
  struct frame *frames;
  size_t frame_count = read_frames(settings.frames, &frames);
  struct connection *connections = calloc(settings.connections, sizeof *connections);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (connections == NULL || epoll < 0) fail("Cannot set up %zu connections", settings.connections);
  for (size_t i = 0; i < settings.connections; i++) {
    open_connection(&connections[i], &settings, &frames[i % frame_count]);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &connections[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) fail("Cannot poll: %s", strerror(errno));
  }
  run_until(epoll, connections, &settings, monotonic_seconds() + settings.warm_up_seconds, 1);
  uint64_t before = count_answered(connections, settings.connections);
  double cpu = cpu_seconds();
  double start = monotonic_seconds();
  run_until(epoll, connections, &settings, start + settings.seconds, 1);
  double seconds = monotonic_seconds() - start;
  uint64_t requests = count_answered(connections, settings.connections) - before;
  double cpu_used = cpu_seconds() - cpu;
  run_until(epoll, connections, &settings, monotonic_seconds() + DRAIN_SECONDS_MAX, 0);
  uint64_t all = count_answered(connections, settings.connections);
  printf("{\"requests\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"allRequests\":%llu}\n", (unsigned long long)requests,
         seconds, cpu_used, (unsigned long long)all);
  return 0;
}
