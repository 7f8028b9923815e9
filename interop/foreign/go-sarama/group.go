package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Two members, one after the other, read half each.
func (t trip) inGroup() (int, error) {
	read := &reading{trip: t, next: []int{0, 1, 2}}
	if err := t.member(read, t.records/2); err != nil {
		return read.count, err
	}
	err := t.member(read, t.records)
	return read.count, err
}

// One member of a group: its partitions are read at the same time.
type reading struct {
	trip   trip
	mutex  sync.Mutex
	next   []int
	count  int
	wanted int
	failed error
	leave  context.CancelFunc
}

func (t trip) member(read *reading, wanted int) error {
	config := t.config()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	group, err := sarama.NewConsumerGroup(t.bootstrap, t.topic+"-classic", config)
	if err != nil {
		return err
	}
	// Which leaves the group.
	defer group.Close()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	read.wanted, read.leave = wanted, cancel
	if err := group.Consume(ctx, []string{t.topic}, read); err != nil {
		return err
	}
	if read.failed == nil && read.count < wanted {
		return fmt.Errorf("%d of %d records came in %d s", read.count, wanted, wait/time.Second)
	}
	return read.failed
}

func (r *reading) Setup(sarama.ConsumerGroupSession) error { return nil }

func (r *reading) Cleanup(session sarama.ConsumerGroupSession) error {
	session.Commit()
	return nil
}

func (r *reading) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		if !r.take(session, message) {
			r.leave()
			return nil
		}
	}
	return nil
}

// Whether more are wanted.
func (r *reading) take(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.failed != nil || r.count == r.wanted {
		return false
	}
	if r.failed = r.trip.same(message, r.next[message.Partition]); r.failed != nil {
		return false
	}
	r.next[message.Partition] += partitions
	r.count++
	session.MarkMessage(message, "")
	return r.count < r.wanted
}
