// Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions  = 3
	timestampMs = 1_700_000_000_000
	wait        = 30 * time.Second
)

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

type result struct {
	Client   string `json:"client"`
	Version  string `json:"version"`
	Produced int    `json:"produced"`
	Consumed int    `json:"consumed"`
	Ok       bool   `json:"ok"`
	Error    string `json:"error,omitempty"`
}

func main() {
	records, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	said := result{Client: "franz-go", Version: version("github.com/twmb/franz-go"), Ok: true}
	for _, c := range codecs {
		run := trip{bootstrap: os.Args[1], topic: os.Args[2] + "-" + c.name, codec: c.name, records: records}
		consumed, err := run.all(c.codec)
		if err != nil {
			said.Ok, said.Error = false, c.name+": "+err.Error()
			break
		}
		said.Produced += records
		said.Consumed += consumed
	}
	json.NewEncoder(os.Stdout).Encode(said)
}

type trip struct {
	bootstrap, topic, codec string
	records                 int
}

func (t trip) all(codec kgo.CompressionCodec) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := t.produce(ctx, codec); err != nil {
		return 0, err
	}
	return t.consume(ctx)
}

func (t trip) produce(ctx context.Context, codec kgo.CompressionCodec) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(t.bootstrap),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(20*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, t.topic)
	if err == nil {
		err = made.Err
	}
	if err != nil {
		return err
	}
	all := make([]*kgo.Record, t.records)
	for number := range all {
		all[number] = t.record(number)
	}
	return client.ProduceSync(ctx, all...).FirstErr()
}

func (t trip) consume(ctx context.Context) (int, error) {
	from := map[int32]kgo.Offset{}
	for partition := range int32(partitions) {
		from[partition] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(t.bootstrap),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.topic: from}),
		kgo.FetchMaxWait(10*time.Millisecond),
	)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	next := []int{0, 1, 2}
	consumed := 0
	for consumed < t.records {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return consumed, fmt.Errorf("%d of %d records came: %w", consumed, t.records, err)
		}
		for _, record := range fetches.Records() {
			if err := same(record, t.record(next[record.Partition])); err != nil {
				return consumed, err
			}
			next[record.Partition] += partitions
			consumed++
		}
	}
	return consumed, nil
}

// Every tenth is a tombstone.
func (t trip) record(number int) *kgo.Record {
	var value []byte
	if number%10 != 7 {
		value = []byte(fmt.Sprintf("value %d λόγος %s", number, strings.Repeat(".", number%300)))
	}
	return &kgo.Record{
		Topic:     t.topic,
		Partition: int32(number % partitions),
		Offset:    int64(number / partitions),
		Key:       []byte(fmt.Sprintf("key %d", number%7)),
		Value:     value,
		Timestamp: time.UnixMilli(timestampMs + int64(number)),
		Headers: []kgo.RecordHeader{
			{Key: "number", Value: []byte(strconv.Itoa(number))},
			{Key: "codec", Value: []byte(t.codec)},
		},
	}
}

func same(came, sent *kgo.Record) error {
	if shown(came) != shown(sent) {
		return fmt.Errorf("%s came as %s", shown(sent), shown(came))
	}
	return nil
}

func shown(r *kgo.Record) string {
	return fmt.Sprintf("%d@%d key=%q value=%q null=%t time=%d headers=%q",
		r.Partition, r.Offset, r.Key, r.Value, r.Value == nil, r.Timestamp.UnixMilli(), r.Headers)
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
