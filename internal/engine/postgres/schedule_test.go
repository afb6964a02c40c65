package postgres

import (
	"container/heap"
	"slices"
	"testing"
)

// The table with the longest way to go is begun first, and a small table's rows
// before a big one's index: what is small fills the time at the end.
func TestJobsOfLongChainsAreBegunFirst(t *testing.T) {
	small := &job{name: "small", weight: 80}
	big := &job{name: "big", weight: 400, order: 1}
	narrow := &job{name: "narrow", weight: 300, order: 2}
	index := &job{name: "index of narrow", weight: 200, after: []*job{narrow}}
	stats := &job{name: "statistics of narrow", weight: 8, after: []*job{narrow, index}}
	ready := &job{name: "index of a table that is in", weight: 40, order: 3}
	for _, j := range []*job{index, stats} {
		for _, dep := range j.after {
			dep.next = append(dep.next, j)
		}
	}
	var h jobHeap
	for _, j := range []*job{small, big, narrow, ready} {
		j.chain()
		heap.Push(&h, j)
	}
	var got []string
	for len(h) > 0 {
		if j, ok := heap.Pop(&h).(*job); ok {
			got = append(got, j.name)
		}
	}
	if want := []string{"narrow", "big", "small", "index of a table that is in"}; !slices.Equal(got, want) {
		t.Errorf("begun in the order %v, want %v", got, want)
	}
}
