/*
 * Sends prebuilt Produce requests at a steady rate, over each of many connections in turn, and times the answers. The
 * load is open: a request is due at its time whether or not earlier ones were answered, and its time counts from when it
 * was due. So a stall of the broker, or of this program, is seen by every request that it holds up.
 *
 *   paced-produce -b HOST:PORT -f FRAMES -e ERROR_AT [-c CONNECTIONS] [-r RATE] [-w WARM_UP_SECONDS] [-t SECONDS]
 *                 [-O SAMPLES]
 *
 * FRAMES is a frame file (wire.h): connection i sends frame i, or begins again at the first where there are fewer.
 * ERROR_AT is where the int16 error code stands in a response frame, prefix included. RATE is that of all connections
 * together, a second. Between two requests the process sleeps. SAMPLES is a file for the times of
 * acknowledgements after the warm-up: lines of whole nanoseconds.
 *
 * Prints one line, times in ms, of the requests after the warm-up (allRequests: with it):
 * {"requests":…,"allRequests":…,"acknowledged":{"p50":…,"p99":…,"p999":…,"max":…},"late":{…},"cpuSeconds":…}
 * `late` is how late the requests were sent: where it is as large as the others, the generator is what was measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "times.h"

#define CONNECTIONS_MAX 10000
/* What a connection may have unanswered: a stall of many seconds at the rates that this is for. */
#define DEPTH 64
#define EVENTS_MAX 256
/* How long the last answers may take, in seconds. */
#define DRAIN_SECONDS_MAX 30

struct bench {
  const char *address;
  const char *frames;
  const char *samples_path;
  size_t error_at;
  size_t connection_count;
  double rate;
  double warm_up_seconds;
  double seconds;

  int epoll;
  struct connection *connections;
  size_t total;
  size_t warm_up;
  double start;
  size_t sent;
  size_t answered;
  struct times late_ms;
  struct times acknowledged_ms;
};

static void parse(int argc, char **argv, struct bench *bench) {
  int option;
  while ((option = getopt(argc, argv, "b:f:e:c:r:w:t:O:")) != -1) {
    if (option == 'b') bench->address = optarg;
    else if (option == 'f') bench->frames = optarg;
    else if (option == 'O') bench->samples_path = optarg;
    else if (option == 'e') bench->error_at = (size_t)number_argument('e', optarg, 8);
    else if (option == 'c') bench->connection_count = (size_t)number_argument('c', optarg, 1);
    else if (option == 'r') bench->rate = number_argument('r', optarg, 1);
    else if (option == 'w') bench->warm_up_seconds = number_argument('w', optarg, 0);
    else if (option == 't') bench->seconds = number_argument('t', optarg, 0);
    else fail("See the head of paced-produce.c for the options");
  }
  if (bench->address == NULL || bench->frames == NULL || bench->error_at == 0) fail("-b, -f and -e are needed");
  if (bench->connection_count > CONNECTIONS_MAX) fail("At most %d connections", CONNECTIONS_MAX);
}

static double due_at(const struct bench *bench, size_t request) {
  return bench->start + (double)request / bench->rate;
}

static void note(const struct bench *bench, struct times *times, size_t request, double now) {
  if (request >= bench->warm_up) add_time(times, (now - due_at(bench, request)) * 1000);
}

/* Request n goes over connection n % count, so that a connection's i-th is request i × count + its own number. */
static void send_due(struct bench *bench) {
  while (bench->sent < bench->total) {
    double now = monotonic_seconds();
    if (now < due_at(bench, bench->sent)) return;
    struct connection *connection = &bench->connections[bench->sent % bench->connection_count];
    if (!has_room(connection)) fail("A connection has %d requests unanswered", DEPTH);
    note(bench, &bench->late_ms, bench->sent++, now);
    queue_request(connection);
    send_queued(connection);
  }
}

static void take_answers(struct bench *bench, struct connection *connection) {
  size_t own = (size_t)(connection - bench->connections);
  size_t next = connection->answered;
  receive_answers(connection, bench->error_at);
  double now = monotonic_seconds();
  for (; next < connection->answered; next++) {
    note(bench, &bench->acknowledged_ms, next * bench->connection_count + own, now);
    bench->answered++;
  }
}

/* Until the next request is due, or an answer is there. An epoll can itself be polled, by nanoseconds. */
static void wait_for_next(const struct bench *bench) {
  double left = bench->sent < bench->total ? due_at(bench, bench->sent) - monotonic_seconds() : 1;
  if (left < 0) left = 0;
  struct timespec timeout = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
  struct pollfd polled = {.fd = bench->epoll, .events = POLLIN};
  if (ppoll(&polled, 1, &timeout, NULL) < 0 && errno != EINTR) fail("Cannot poll: %s", strerror(errno));
}

static void run(struct bench *bench) {
  struct epoll_event events[EVENTS_MAX];
  double end = due_at(bench, bench->total) + DRAIN_SECONDS_MAX;
  while (bench->answered < bench->total) {
    if (monotonic_seconds() > end) fail("%zu of %zu answers did not come", bench->total - bench->answered, bench->total);
    send_due(bench);
    wait_for_next(bench);
    int ready = epoll_wait(bench->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < ready; i++) {
      take_answers(bench, events[i].data.ptr);
      send_queued(events[i].data.ptr);
    }
  }
}

int main(int argc, char **argv) {
  struct bench bench = {.connection_count = 1, .rate = 1000, .warm_up_seconds = 1, .seconds = 5};
  parse(argc, argv, &bench);
  /* The kernel may round a sleep up by 50 µs unless it is told otherwise. */
  prctl(PR_SET_TIMERSLACK, 1);
  bench.warm_up = (size_t)(bench.warm_up_seconds * bench.rate);
  bench.total = bench.warm_up + (size_t)(bench.seconds * bench.rate);
  if (bench.total == 0) fail("Nothing to send: -w and -t are both 0");
  bench.late_ms = make_times(bench.total);
  bench.acknowledged_ms = make_times(bench.total);
  bench.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (bench.epoll < 0) fail("Cannot make an epoll: %s", strerror(errno));
  bench.connections = open_connections(bench.epoll, bench.address, bench.frames, bench.connection_count, DEPTH);
  double cpu = cpu_seconds();
  bench.start = monotonic_seconds();
  run(&bench);
  if (bench.samples_path != NULL) write_times(bench.samples_path, &bench.acknowledged_ms);
  printf("{\"requests\":%zu,\"allRequests\":%zu,", bench.acknowledged_ms.count, bench.answered);
  print_times("acknowledged", &bench.acknowledged_ms);
  printf(",");
  print_times("late", &bench.late_ms);
  printf(",\"cpuSeconds\":%.6f}\n", cpu_seconds() - cpu);
  return 0;
}
