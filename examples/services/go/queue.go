package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// The states of a job. A running one is queued again after a restart.
const (
	queued  = "queued"
	running = "running"
	done    = "done"
	failed  = "failed"
)

// job is one training; its folder holds job.json, the rows and the checkpoints.
type job struct {
	ID          string  `json:"id"`
	Customer    string  `json:"customer"`
	State       string  `json:"state"`
	Steps       int64   `json:"steps"`
	Step        int64   `json:"step"`
	Loss        float64 `json:"loss"`
	ResumedFrom int64   `json:"resumed_from"`
	Error       string  `json:"error,omitempty"`
}

// queue holds all jobs, on disk and in memory.
type queue struct {
	folder  string
	mutex   sync.Mutex
	jobs    map[string]job
	waiting chan struct{} // one signal is enough: the worker takes all there is
}

func openQueue(data string) (*queue, error) {
	q := &queue{folder: filepath.Join(data, "jobs"), jobs: map[string]job{}, waiting: make(chan struct{}, 1)}
	if err := os.MkdirAll(q.folder, 0o755); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(q.folder, "*", "job.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var found job
		if err := json.Unmarshal(text, &found); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if found.State == running {
			found.State = queued
		}
		q.jobs[found.ID] = found
	}
	q.wake()
	return q, nil
}

func (q *queue) wake() {
	select {
	case q.waiting <- struct{}{}:
	default:
	}
}

func (q *queue) path(id string, names ...string) string {
	return filepath.Join(append([]string{q.folder, id}, names...)...)
}

// add writes a job whole before it can be seen.
func (q *queue) add(customer string, steps int64, rows []byte) (job, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	made := job{Customer: customer, State: queued, Steps: steps}
	for number := len(q.jobs) + 1; ; number++ {
		made.ID = fmt.Sprintf("%06d", number)
		err := os.Mkdir(q.path(made.ID), 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) {
			return job{}, err
		}
	}
	if err := replace(q.path(made.ID, "rows.jsonl"), rows); err != nil {
		return job{}, err
	}
	if err := q.write(made); err != nil {
		return job{}, err
	}
	q.wake()
	return made, nil
}

// update changes a job; what only counts steps need not reach the disk.
func (q *queue) update(id string, keep bool, change func(*job)) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	changed := q.jobs[id]
	change(&changed)
	if keep {
		return q.write(changed)
	}
	q.jobs[id] = changed
	return nil
}

func (q *queue) write(changed job) error {
	text, err := json.MarshalIndent(changed, "", " ")
	if err != nil {
		return err
	}
	q.jobs[changed.ID] = changed
	return replace(q.path(changed.ID, "job.json"), text)
}

func (q *queue) get(id string) (job, bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	found, ok := q.jobs[id]
	return found, ok
}

// all gives the jobs in the order of their arrival.
func (q *queue) all() []job {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	list := make([]job, 0, len(q.jobs))
	for _, each := range q.jobs {
		list = append(list, each)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// next waits for a job.
func (q *queue) next(ctx context.Context) (job, error) {
	for {
		for _, each := range q.all() {
			if each.State == queued {
				return each, nil
			}
		}
		select {
		case <-q.waiting:
		case <-ctx.Done():
			return job{}, ctx.Err()
		}
	}
}

// replace writes a file whole or not at all.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
