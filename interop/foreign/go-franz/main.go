// Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	said := result{Client: "franz-go", Version: version("github.com/twmb/franz-go"), Groups: map[string]int{}, Ok: true}
	for _, c := range codecs {
		run := trip{bootstrap: os.Args[1], topic: os.Args[2] + "-" + c.name, codec: c.name, records: records}
		consumed, err := run.all(c.codec, said.Groups)
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

func (t trip) all(codec kgo.CompressionCodec, groups map[string]int) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := t.produce(ctx, codec); err != nil {
		return 0, err
	}
	for _, protocol := range []string{"classic", "consumer"} {
		count, err := t.inGroup(ctx, protocol)
		if err != nil {
			return 0, fmt.Errorf("in a %s group: %w", protocol, err)
		}
		groups[protocol] += count
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
	read := reading{next: []int{0, 1, 2}}
	err = t.read(ctx, client, &read, t.records)
	return read.count, err
}

// Two members, one after the other, read half each.
func (t trip) inGroup(ctx context.Context, protocol string) (int, error) {
	read := reading{next: []int{0, 1, 2}}
	if err := t.member(ctx, protocol, &read, t.records/2); err != nil {
		return read.count, err
	}
	err := t.member(ctx, protocol, &read, t.records)
	return read.count, err
}

func (t trip) member(ctx context.Context, protocol string, read *reading, wanted int) error {
	options := []kgo.Opt{
		kgo.SeedBrokers(t.bootstrap),
		kgo.ConsumerGroup(t.topic + "-" + protocol),
		kgo.ConsumeTopics(t.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxWait(10 * time.Millisecond),
	}
	if protocol == "consumer" {
		options = append(options, kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer())
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	// Which leaves the group.
	defer client.Close()
	if err := t.read(ctx, client, read, wanted); err != nil {
		return err
	}
	offsets := map[int32]kgo.EpochOffset{}
	for partition, number := range read.next {
		offsets[int32(partition)] = kgo.EpochOffset{Epoch: -1, Offset: int64(number / partitions)}
	}
	var refused error
	client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{t.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			refused = err
			if err != nil {
				return
			}
			for _, topic := range answer.Topics {
				for _, partition := range topic.Partitions {
					refused = errors.Join(refused, kerr.ErrorForCode(partition.ErrorCode))
				}
			}
		})
	return refused
}

// By partition the number of the next record, and how many came.
type reading struct {
	next  []int
	count int
}

// Reads until there are as many as wanted; what comes beyond is left alone.
func (t trip) read(ctx context.Context, client *kgo.Client, read *reading, wanted int) error {
	for read.count < wanted {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("%d of %d records came: %w", read.count, wanted, err)
		}
		for _, record := range fetches.Records() {
			if read.count == wanted {
				break
			}
			if err := same(record, t.record(read.next[record.Partition])); err != nil {
				return err
			}
			read.next[record.Partition] += partitions
			read.count++
		}
	}
	return nil
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
