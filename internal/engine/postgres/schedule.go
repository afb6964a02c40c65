package postgres

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A job is a piece of a restore: rows of a table, an index, a foreign key.
type job struct {
	name   string
	weight int64 // what it costs, about, in bytes of rows to load
	order  int   // of jobs that are alike, those that come first are begun first
	after  []*job
	locks  []int // jobs that share a lock are not run at once: they would wait for each other, or for ever
	run    func(ctx context.Context, c *conn) error

	waits int
	next  []*job
	path  int64 // what the dearest chain of jobs from this one on costs
}

// chain returns the cost of the dearest chain that begins with j. Jobs of long
// chains are begun first: the shorter ones fill the workers' time at the end,
// when the last table's indexes are made.
func (j *job) chain() int64 {
	if j.path == 0 {
		for _, n := range j.next {
			j.path = max(j.path, n.chain())
		}
		j.path += j.weight + 1
	}
	return j.path
}

// A schedule runs jobs on several connections, each as soon as what it needs is
// done. A job's error ends the whole; what may go wrong is the job's to handle.
type schedule struct {
	mu      sync.Mutex
	wake    *sync.Cond
	ready   jobHeap
	left    int
	held    map[int][]*job // by lock: jobs that wait for it; present while it is held
	stopped error
}

// runJobs runs all jobs with the given number of workers. Each worker takes one
// connection from the pool.
func runJobs(ctx context.Context, pool *connPool, workers int, jobs []*job) error {
	s := &schedule{left: len(jobs), held: map[int][]*job{}}
	s.wake = sync.NewCond(&s.mu)
	for _, j := range jobs {
		j.waits = len(j.after)
		for _, dep := range j.after {
			dep.next = append(dep.next, j)
		}
	}
	for _, j := range jobs {
		if j.chain(); j.waits == 0 {
			heap.Push(&s.ready, j)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { s.stop(context.Cause(ctx)) })
	defer stop()
	for range max(1, min(workers, len(jobs))) {
		g.Go(func() error { return s.work(ctx, pool) })
	}
	return g.Wait()
}

// work runs jobs until none is left.
func (s *schedule) work(ctx context.Context, pool *connPool) error {
	c, err := pool.take(ctx)
	if err != nil {
		s.stop(err)
		return err
	}
	defer func() { pool.give(ctx, c, ctx.Err() == nil) }()
	for {
		j, err := s.take()
		if j == nil {
			return err
		}
		if err := j.run(ctx, c); err != nil {
			s.stop(err)
			return err
		}
		s.done(j)
	}
}

// errStuck says that jobs wait for each other, which an archive's dependencies
// never make them do.
var errStuck = errors.New("jobs of the restore wait for each other")

// take waits for a job; nil when there will be none.
func (s *schedule) take() (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.stopped != nil {
			return nil, s.stopped
		}
		if s.left == 0 {
			return nil, nil
		}
		for len(s.ready) > 0 {
			if j, ok := heap.Pop(&s.ready).(*job); ok && s.lock(j) {
				return j, nil
			}
		}
		s.wake.Wait()
	}
}

// lock takes the locks of j, or parks j with the holder of the first that is
// held.
func (s *schedule) lock(j *job) bool {
	for _, l := range j.locks {
		if waiting, held := s.held[l]; held {
			s.held[l] = append(waiting, j)
			return false
		}
	}
	for _, l := range j.locks {
		s.held[l] = nil
	}
	return true
}

// done lets go what waited for j.
func (s *schedule) done(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range j.locks {
		for _, w := range s.held[l] {
			heap.Push(&s.ready, w)
		}
		delete(s.held, l)
	}
	for _, n := range j.next {
		if n.waits--; n.waits == 0 {
			heap.Push(&s.ready, n)
		}
	}
	s.left--
	s.wake.Broadcast()
}

func (s *schedule) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil && s.left > 0 {
		s.stopped = err
	}
	s.wake.Broadcast()
}

// A jobHeap puts jobs of dear chains first, then those early in order.
type jobHeap []*job

func (h jobHeap) Len() int { return len(h) }
func (h jobHeap) Less(a, b int) bool {
	return cmp.Or(cmp.Compare(h[b].path, h[a].path), cmp.Compare(h[a].order, h[b].order)) < 0
}
func (h jobHeap) Swap(a, b int) { h[a], h[b] = h[b], h[a] }

// Push implements [heap.Interface].
func (h *jobHeap) Push(x any) {
	if j, ok := x.(*job); ok {
		*h = append(*h, j)
	}
}

// Pop implements [heap.Interface].
func (h *jobHeap) Pop() any {
	old := *h
	j := old[len(old)-1]
	*h = old[:len(old)-1]
	return j
}

// acyclic drops dependencies that no order can meet: a job in a circle would
// never be begun. Archives have none; a damaged one must not hang us.
func acyclic(jobs []*job) error {
	state := make(map[*job]int, len(jobs))
	waits := make(map[*job]int, len(jobs))
	next := make(map[*job][]*job, len(jobs))
	var queue []*job
	for _, j := range jobs {
		waits[j] = len(j.after)
		for _, d := range j.after {
			next[d] = append(next[d], j)
		}
		if waits[j] == 0 {
			queue = append(queue, j)
		}
	}
	for len(queue) > 0 {
		j := queue[0]
		queue = queue[1:]
		state[j] = 1
		for _, n := range next[j] {
			if waits[n]--; waits[n] == 0 {
				queue = append(queue, n)
			}
		}
	}
	if len(state) != len(jobs) {
		return errStuck
	}
	return nil
}
