package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/step"
	"github.com/rahatbackup/rahat/internal/control"
)

// starting measures what a person feels first: the agent's start and the
// command line's.
func (b *bench) starting(ctx context.Context) error {
	b.say("start of the agent and the command line")
	const times = 5
	var ready, help []float64
	for i := range times {
		a, err := product.StartAgent(ctx, b.programs, filepath.Join(b.dir, fmt.Sprintf("start%d", i)), nil)
		if err != nil {
			return err
		}
		ready = append(ready, a.Ready.Seconds())
		if err := a.Stop(); err != nil {
			return err
		}
		began := time.Now()
		if _, err := step.Cmd(b.programs.Rahat, "--help").Output(ctx); err != nil {
			return err
		}
		help = append(help, time.Since(began).Seconds())
	}
	b.add("agent ready after, ms", 1000*median(ready), atMost(300), "", "")
	b.add("rahat --help, ms", 1000*median(help), atMost(50), "", "")
	return nil
}

// idle measures discovery, and then the agent after all the work it has done,
// left alone for a minute.
func (b *bench) idle(ctx context.Context) error {
	if err := b.discovery(ctx); err != nil {
		return err
	}
	if err := b.resting(ctx, "agent after its work"); err != nil {
		return err
	}
	if err := b.agent.Stop(); err != nil {
		return err
	}
	var err error
	if b.agent, err = product.StartAgent(ctx, b.programs, filepath.Join(b.dir, "home"), nil); err != nil {
		return err
	}
	return b.resting(ctx, "agent")
}

// resting measures memory and CPU of an agent with nothing to do.
func (b *bench) resting(ctx context.Context, who string) error {
	const minute = time.Minute
	b.say("%s, idle for a minute", who)
	if err := wait(ctx, 5*time.Second); err != nil { // what the start or the work left behind ends
		return err
	}
	before, err := cpuTime(b.agent.PID())
	if err != nil {
		return err
	}
	if err := wait(ctx, minute); err != nil {
		return err
	}
	after, err := cpuTime(b.agent.PID())
	if err != nil {
		return err
	}
	held, err := memory(b.agent.PID(), "VmRSS")
	if err != nil {
		return err
	}
	memoryBound, cpuBound := atMost(40), percent(0.1)
	if who != "agent" { // the promise is for an agent that waits
		memoryBound, cpuBound = nil, nil
	}
	b.add(who+", idle, memory, MB", float64(held)/1e6, memoryBound, "", "")
	b.add(who+", idle, CPU", 100*float64(after-before)/float64(minute), cpuBound, "", "")
	return nil
}

// discovery measures a look around with twenty strange servers listening.
func (b *bench) discovery(ctx context.Context) error {
	b.say("discovery among 20 listening ports")
	closeAll, err := strangers(20)
	if err != nil {
		return err
	}
	defer closeAll()
	var took []float64
	for range 3 {
		var found control.Discovery
		if err := b.agent.CLI.JSON(ctx, &found, "discover"); err != nil {
			return err
		}
		took = append(took, found.Seconds)
	}
	b.add("discovery of 20 ports, s", median(took), atMost(0.6), "", "")
	return nil
}

// strangers listens on n ports as servers of no known kind do: they take what is
// sent and say nothing.
func strangers(n int) (closeAll func(), err error) {
	var listeners []net.Listener
	var done sync.WaitGroup
	closeAll = func() {
		for _, l := range listeners {
			_ = l.Close() // it is only listened on
		}
		done.Wait()
	}
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // an address of this machine, nothing to wait for
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("listen: %w", err)
		}
		listeners = append(listeners, l)
		done.Go(func() { swallow(l) })
	}
	return closeAll, nil
}

func swallow(l net.Listener) {
	var open []net.Conn
	for {
		c, err := l.Accept()
		if err != nil { // the listener was closed
			break
		}
		open = append(open, c)
	}
	for _, c := range open {
		_ = c.Close() // nothing was written
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}
