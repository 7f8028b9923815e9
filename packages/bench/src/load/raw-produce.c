/*
 * Sends prebuilt Produce requests over several connections, each with up to DEPTH of them unanswered, and counts the
 * answers. Meant to cost far less than the broker it drives (connection.h).
 *
 *   raw-produce -b HOST:PORT -f FRAMES -e ERROR_AT [-c CONNECTIONS] [-d DEPTH] [-w WARM_UP_SECONDS] [-t SECONDS]
 *
 * FRAMES is a frame file (wire.h): connection i sends frame i, or begins again at the first where there are fewer.
 * ERROR_AT is where the int16 error code stands in a response frame, prefix included. With acks=0 there are no answers:
 * not for this program. Prints one line, of the time after the warm-up (allRequests: with it, and what was on its way):
 * {"requests":…,"seconds":…,"cpuSeconds":…,"allRequests":…}
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection.h"

#define CONNECTIONS_MAX 1024
/* How long the last answers may take, in seconds. */
#define DRAIN_SECONDS_MAX 30

struct settings {
  const char *address;
  const char *frames;
  size_t error_at;
  size_t connections;
  size_t depth;
  double warm_up_seconds;
  double seconds;
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

/* Serves whatever is ready until the time has come, or, once nothing more is queued, until all is answered. */
static void run_until(int epoll, struct connection *connections, const struct settings *settings, double end, int queueing) {
  struct epoll_event events[CONNECTIONS_MAX];
  double now;
  while ((now = monotonic_seconds()) < end) {
    if (!queueing && count_answered(connections, settings->connections) == count_queued(connections, settings->connections)) return;
    int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, (int)((end - now) * 1000) + 1);
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      receive_answers(connection, settings->error_at);
      while (queueing && has_room(connection)) queue_request(connection);
      send_queued(connection);
    }
  }
  if (!queueing) fail("The last answers did not come in %d s", DRAIN_SECONDS_MAX);
}

int main(int argc, char **argv) {
  struct settings settings = parse(argc, argv);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("Cannot make an epoll");
  struct connection *connections =
      open_connections(epoll, settings.address, settings.frames, settings.connections, settings.depth);
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
