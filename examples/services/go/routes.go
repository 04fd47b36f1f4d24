package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strconv"

	"libpeft.org/go/peft"
)

var customerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

const (
	mostBytes = 64 << 20 // of a request
	mostSteps = 100_000
	atOnce    = 8 // generations
)

type service struct {
	base  *base
	jobs  *queue
	seats chan struct{}
}

func routes(base *base, jobs *queue) http.Handler {
	s := &service{base, jobs, make(chan struct{}, atOnce)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /customers/{customer}/jobs", s.post)
	mux.HandleFunc("GET /jobs", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, jobs.all()) })
	mux.HandleFunc("GET /jobs/{id}", s.job)
	mux.HandleFunc("GET /customers", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, base.customers())
	})
	mux.HandleFunc("POST /customers/{customer}/generate", s.generate)
	return mux
}

// post takes rows, as JSON lines, for a customer's next adapter.
func (s *service) post(w http.ResponseWriter, r *http.Request) {
	customer := r.PathValue("customer")
	steps := int64(100)
	if text := r.URL.Query().Get("steps"); text != "" {
		steps, _ = strconv.ParseInt(text, 10, 64)
	}
	if !customerName.MatchString(customer) || steps < 1 || steps > mostSteps {
		refuse(w, fmt.Errorf("a customer's name is %s, steps are 1 to %d", customerName, mostSteps))
		return
	}
	rows, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
	if err != nil {
		refuse(w, err)
		return
	}
	// Rows that cannot be trained on are refused now, not by the worker later.
	dataset, err := s.base.engine.DatasetFromText(r.Context(), s.base.tokenizer, string(rows), nil)
	if err != nil {
		refuse(w, err)
		return
	}
	dataset.Close()
	made, err := s.jobs.add(customer, steps, rows)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Location", "/jobs/"+made.ID)
	answer(w, http.StatusAccepted, made)
}

func (s *service) job(w http.ResponseWriter, r *http.Request) {
	found, ok := s.jobs.get(r.PathValue("id"))
	if !ok {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such job"})
		return
	}
	answer(w, http.StatusOK, found)
}

// refuse blames the request unless the library says otherwise.
func refuse(w http.ResponseWriter, err error) {
	for _, status := range []peft.Status{peft.ErrOutOfMemory, peft.ErrInternal, peft.ErrDeviceLost} {
		if errors.Is(err, status) {
			fail(w, err)
			return
		}
	}
	answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}
