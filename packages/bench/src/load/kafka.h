/* What the generators that use librdkafka share: properties from the command line, messages, queues of consumers. */
#ifndef OTTLA_BENCH_KAFKA_H
#define OTTLA_BENCH_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

/* No progress for so long is a failure, in ms. */
#define STALL_MS_MAX 30000

/* Sets one of librdkafka's properties. */
void set_property(rd_kafka_conf_t *conf, const char *name, const char *value);

/* As `set_property`, from "name=value". */
void set_pair(rd_kafka_conf_t *conf, char *pair);

/* The configuration stays the caller's; `opaque` is what delivery reports are called with. */
rd_kafka_t *open_kafka(rd_kafka_type_t type, const rd_kafka_conf_t *conf, void *opaque);

struct message {
  int32_t partition;
  /* Stays as it is until it is reported. */
  char *value;
  size_t bytes;
  /* Comes back in the delivery report. */
  void *mark;
};

/*
 * Hands a message over; while librdkafka's queue is full, delivery reports are served instead, which are to add to
 * `*reported`.
 */
void produce(rd_kafka_t *kafka, rd_kafka_topic_t *topic, const struct message *message, const uint64_t *reported);

/* Waits until everything that was handed over is reported, for as long as reports come. */
void wait_for_delivery(rd_kafka_t *kafka, const uint64_t *reported);

/* A queue of all partitions of the topic from their beginning. */
rd_kafka_queue_t *consume_from_beginning(rd_kafka_t *kafka, rd_kafka_topic_t *topic, int32_t partitions);

struct consumed {
  uint64_t messages;
  uint64_t bytes;
};

/* Waits for messages, takes those that are there, up to some, and adds them up. */
void consume_batch(rd_kafka_queue_t *queue, struct consumed *consumed);

#endif
