// Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

const (
	partitions  = 3
	timestampMs = 1_700_000_000_000
	wait        = 30 * time.Second
)

var codecs = []sarama.CompressionCodec{
	sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
}

type result struct {
	Client   string `json:"client"`
	Version  string `json:"version"`
	Produced int    `json:"produced"`
	Consumed int    `json:"consumed"`
	// Records read in groups, by the protocol of the group.
	Groups map[string]int `json:"groups"`
	Ok     bool           `json:"ok"`
	Error  string         `json:"error,omitempty"`
}

func main() {
	records, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	said := result{Client: "sarama", Version: version("github.com/IBM/sarama"), Groups: map[string]int{}, Ok: true}
	for _, codec := range codecs {
		run := trip{bootstrap: []string{os.Args[1]}, topic: os.Args[2] + "-" + codec.String(), codec: codec, records: records}
		consumed, err := run.all(said.Groups)
		if err != nil {
			said.Ok, said.Error = false, codec.String()+": "+err.Error()
			break
		}
		said.Produced += records
		said.Consumed += consumed
	}
	json.NewEncoder(os.Stdout).Encode(said)
}

type trip struct {
	bootstrap []string
	topic     string
	codec     sarama.CompressionCodec
	records   int
}

func (t trip) all(groups map[string]int) (int, error) {
	if err := t.create(); err != nil {
		return 0, err
	}
	if err := t.produce(); err != nil {
		return 0, err
	}
	count, err := t.inGroup()
	if err != nil {
		return 0, fmt.Errorf("in a group: %w", err)
	}
	groups["classic"] += count
	return t.consume()
}

func (t trip) config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Consumer.MaxWaitTime = 10 * time.Millisecond
	config.Producer.Compression = t.codec
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 20 * time.Millisecond
	config.Producer.Partitioner = sarama.NewManualPartitioner
	// What sarama asks of an idempotent producer.
	config.Net.MaxOpenRequests = 1
	return config
}

func (t trip) create() error {
	admin, err := sarama.NewClusterAdmin(t.bootstrap, t.config())
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CreateTopic(t.topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

func (t trip) produce() error {
	producer, err := sarama.NewSyncProducer(t.bootstrap, t.config())
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, t.records)
	for number := range messages {
		messages[number] = t.message(number)
	}
	return producer.SendMessages(messages)
}

func (t trip) message(number int) *sarama.ProducerMessage {
	var encoded sarama.Encoder
	if bytes := value(number); bytes != nil {
		encoded = sarama.ByteEncoder(bytes)
	}
	headers := make([]sarama.RecordHeader, 0, 2)
	for _, header := range t.headers(number) {
		headers = append(headers, *header)
	}
	return &sarama.ProducerMessage{
		Topic:     t.topic,
		Partition: int32(number % partitions),
		Key:       sarama.ByteEncoder(key(number)),
		Value:     encoded,
		Timestamp: time.UnixMilli(timestampMs + int64(number)),
		Headers:   headers,
	}
}

func (t trip) consume() (int, error) {
	consumer, err := sarama.NewConsumer(t.bootstrap, t.config())
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	consumed := 0
	for partition := range partitions {
		count, err := t.consumePartition(consumer, partition)
		consumed += count
		if err != nil {
			return consumed, err
		}
	}
	return consumed, nil
}

func (t trip) consumePartition(consumer sarama.Consumer, partition int) (int, error) {
	stream, err := consumer.ConsumePartition(t.topic, int32(partition), sarama.OffsetOldest)
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	late := time.After(wait)
	count := 0
	for number := partition; number < t.records; number += partitions {
		select {
		case message := <-stream.Messages():
			if err := t.same(message, number); err != nil {
				return count, err
			}
			count++
		case <-late:
			return count, fmt.Errorf("partition %d ended at offset %d", partition, count)
		}
	}
	return count, nil
}

func (t trip) same(came *sarama.ConsumerMessage, number int) error {
	sent := &sarama.ConsumerMessage{
		Offset:    int64(number / partitions),
		Key:       key(number),
		Value:     value(number),
		Timestamp: time.UnixMilli(timestampMs + int64(number)),
		Headers:   t.headers(number),
	}
	if shown(came) != shown(sent) {
		return fmt.Errorf("%s came as %s", shown(sent), shown(came))
	}
	return nil
}

func shown(m *sarama.ConsumerMessage) string {
	text := fmt.Sprintf("@%d key=%q value=%q null=%t time=%d", m.Offset, m.Key, m.Value, m.Value == nil, m.Timestamp.UnixMilli())
	for _, header := range m.Headers {
		text += fmt.Sprintf(" %q=%q", header.Key, header.Value)
	}
	return text
}

func key(number int) []byte {
	return []byte(fmt.Sprintf("key %d", number%7))
}

// Every tenth is a tombstone.
func value(number int) []byte {
	if number%10 == 7 {
		return nil
	}
	return []byte(fmt.Sprintf("value %d λόγος %s", number, strings.Repeat(".", number%300)))
}

func (t trip) headers(number int) []*sarama.RecordHeader {
	return []*sarama.RecordHeader{
		{Key: []byte("number"), Value: []byte(strconv.Itoa(number))},
		{Key: []byte("codec"), Value: []byte(t.codec.String())},
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "?"
}
