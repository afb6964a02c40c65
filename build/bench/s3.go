package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/vault"
)

const (
	// s3Bytes is how much is sent each time.
	s3Bytes = 1 << 30
	// s3Block is what the bytes repeat after. No part is as large, and
	// nothing on the way looks for what repeats.
	s3Block = 64<<20 + 4099
	// s3Rounds is how often each is sent; the median counts.
	s3Rounds = 5
	s3Bucket = "bench"
)

var s3Options = Options{
	Keep: "build/bench/RESULTS-s3.md",
	Intro: fmt.Sprintf("Written by `go run ./build bench s3`: 1 GiB of unknown length sent to the Versity S3 Gateway on this machine, by our\n"+
		"store and by the transfer manager of Amazon's library with its own settings, in turn, medians of %d. The server's work is in both.", s3Rounds),
}

// S3 measures uploads to a bucket, prints the table and returns an error if a
// bound is broken.
func S3(ctx context.Context, out io.Writer) (err error) {
	program, err := setup.ForS3(ctx, out)
	if err != nil {
		return err
	}
	if err := os.Setenv(gateway.Variable, program); err != nil {
		return fmt.Errorf("name the S3 server: %w", err)
	}
	dir, err := folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := gateway.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := server.MakeBucket(ctx, s3Bucket, gateway.BucketOptions{}); err != nil {
		return err
	}
	b := &bench{out: out, opt: s3Options, dir: dir}
	b.fact("load average before: %s", load())
	for _, kind := range []struct {
		name  string
		block []byte
	}{{"random bytes", randomBlock()}, {"rows of text", rowsBlock()}} {
		if err := b.upload(ctx, server, kind.name, kind.block); err != nil {
			return err
		}
	}
	return b.close(ctx)
}

func randomBlock() []byte {
	block := make([]byte, s3Block)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(block) // it cannot fail
	return block
}

func rowsBlock() []byte {
	var block bytes.Buffer
	for n := 0; block.Len() < s3Block; n++ {
		fmt.Fprintf(&block, "%d\t2026-11-%02d 10:15:%02d\tcustomer %d\t%d.%02d\topen\n", n, n%30+1, n%60, n*7919%50000, n%900, n%100)
	}
	return block.Bytes()
}

// upload sends one kind of bytes by both ways in turn.
func (b *bench) upload(ctx context.Context, server *gateway.Server, kind string, block []byte) error {
	b.say("1 GiB of %s, %d times each way", kind, s3Rounds)
	q := url.Values{"endpoint": {server.Endpoint}, "region": {gateway.Region}, "path_style": {"true"}, "key_id": {gateway.KeyID}}
	cfg, err := s3.Parse("s3://"+s3Bucket+"/ours?"+q.Encode(), vault.NewSecret(gateway.Secret))
	if err != nil {
		return err
	}
	store, err := s3.Open(ctx, cfg)
	if err != nil {
		return err
	}
	client := server.Client()
	manager := transfermanager.New(client)
	plain := aws.String("theirs")
	var ours, theirs []float64
	for range s3Rounds {
		began := time.Now()
		if _, err := store.Put(ctx, "object", newRepeating(block)); err != nil {
			return err
		}
		ours = append(ours, time.Since(began).Seconds())
		if err := store.Delete(ctx, "object"); err != nil {
			return err
		}
		began = time.Now()
		if _, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: aws.String(s3Bucket), Key: plain, Body: newRepeating(block)}); err != nil {
			return fmt.Errorf("plain upload: %w", err)
		}
		theirs = append(theirs, time.Since(began).Seconds())
		if _, err := client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String(s3Bucket), Key: plain}); err != nil {
			return fmt.Errorf("delete plain upload: %w", err)
		}
	}
	// At least 0.9 of its speed is at most 1/0.9 of its time.
	b.add("1 GiB of "+kind+", time / plain multipart upload", median(ours)/median(theirs), atMost(1/0.9), seconds(median(ours)), seconds(median(theirs)))
	b.fact("%s, each: ours %s, theirs %s", kind, all(ours), all(theirs))
	return nil
}

// repeating yields a block again and again, s3Bytes in all, and nothing besides
// Read.
type repeating struct {
	block []byte
	at    int64
}

func newRepeating(block []byte) io.Reader { return &repeating{block: block} }

func (r *repeating) Read(p []byte) (int, error) {
	if r.at == s3Bytes {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), s3Bytes-r.at)], r.block[r.at%int64(len(r.block)):])
	r.at += int64(n)
	return n, nil
}
