// Command adapterqueue trains one adapter for each customer from a queue and serves them all from one resident base.
//
//	adapterqueue [-listen 127.0.0.1:8080] [-checkpoint-steps 20] MODEL DATA
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	every := flag.Int64("checkpoint-steps", 20, "steps between two checkpoints")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: adapterqueue [flags] MODEL DATA")
		flag.PrintDefaults()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, flag.Arg(0), flag.Arg(1), *every); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends; then it answers what was begun, leaves a checkpoint and comes back.
func run(ctx context.Context, listen, model, data string, every int64) error {
	base, err := openBase(ctx, model, data)
	if err != nil {
		return err
	}
	defer base.close()
	jobs, err := openQueue(data)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	worker := &worker{base: base, jobs: jobs, every: every}
	trained := make(chan error, 1)
	working, stopWork := context.WithCancel(context.Background())
	defer stopWork()
	go func() { trained <- worker.run(working) }()

	server := &http.Server{Handler: routes(base, jobs), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("listening on http://%s", listener.Addr())

	select {
	case err = <-served:
	case err = <-trained:
		trained <- nil
	case <-ctx.Done():
		log.Print("shutting down")
	}
	stopWork()
	grace, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(grace), <-trained)
}
