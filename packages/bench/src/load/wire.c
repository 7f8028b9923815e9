#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

int connect_to(const char *address) {
  char host[64];
  const char *colon = strrchr(address, ':');
  if (colon == NULL || (size_t)(colon - address) >= sizeof host) fail("Cannot connect to \"%s\": give HOST:PORT", address);
  memcpy(host, address, (size_t)(colon - address));
  host[colon - address] = '\0';
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail("Cannot connect to \"%s\": the host is no IPv4 address", address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("Cannot connect to %s: %s", address, strerror(errno));
  int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("Cannot set TCP_NODELAY: %s", strerror(errno));
  return fd;
}

size_t read_frames(const char *path, struct frame **frames) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("Cannot open \"%s\": %s", path, strerror(errno));
  size_t count = 0;
  *frames = NULL;
  uint8_t prefix[PREFIX_BYTES];
  while (fread(prefix, 1, sizeof prefix, file) == sizeof prefix) {
    struct frame frame = {.size = PREFIX_BYTES + (size_t)read_uint32(prefix)};
    frame.bytes = malloc(frame.size);
    *frames = realloc(*frames, (count + 1) * sizeof frame);
    if (frame.bytes == NULL || *frames == NULL) fail("Out of memory for frames of \"%s\"", path);
    memcpy(frame.bytes, prefix, sizeof prefix);
    size_t body = frame.size - PREFIX_BYTES;
    if (fread(frame.bytes + PREFIX_BYTES, 1, body, file) != body) fail("\"%s\" ends inside a frame", path);
    (*frames)[count++] = frame;
  }
  fclose(file);
  if (count == 0) fail("\"%s\" holds no frame", path);
  return count;
}

void send_all(int fd, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  while (size > 0) {
    ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail("Cannot send: %s", strerror(errno));
    at += sent;
    size -= (size_t)sent;
  }
}

uint16_t read_uint16(const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t read_uint32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint64_t read_uint64(const uint8_t *at) {
  return (uint64_t)read_uint32(at) << 32 | read_uint32(at + 4);
}

void write_uint32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

void write_uint64(uint8_t *at, uint64_t value) {
  write_uint32(at, (uint32_t)(value >> 32));
  write_uint32(at + 4, (uint32_t)value);
}

double monotonic_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
  double system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
  return user + system;
}

double number_argument(char option, const char *text, double least) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || value < least) fail("-%c \"%s\" is no number of at least %g", option, text, least);
  return value;
}
