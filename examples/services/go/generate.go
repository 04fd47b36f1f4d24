package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"libpeft.org/go/peft"
)

// request has one of prompt, messages and token_ids.
type request struct {
	Prompt       string         `json:"prompt"`
	Messages     []peft.Message `json:"messages"`
	TokenIDs     []int32        `json:"token_ids"`
	MaxNewTokens int64          `json:"max_new_tokens"`
	Temperature  float64        `json:"temperature"`
	Seed         int64          `json:"seed"`
}

// generate streams a JSON line for each piece, and one with the reason of the end. Who goes away stops it.
func (s *service) generate(w http.ResponseWriter, r *http.Request) {
	asked := request{MaxNewTokens: 128}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil {
		refuse(w, err)
		return
	}
	select {
	case s.seats <- struct{}{}:
		defer func() { <-s.seats }()
	case <-r.Context().Done():
		return
	}
	session, err := s.base.session(r.PathValue("customer"))
	if err != nil {
		fail(w, err)
		return
	}
	defer session.Close()
	if err := prompt(r.Context(), session, asked); err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for made, err := range session.Pieces(r.Context()) {
		if err != nil {
			if !errors.Is(err, peft.ErrCancelled) {
				lines.Encode(map[string]string{"error": err.Error()})
			}
			return
		}
		lines.Encode(map[string]any{"token_id": made.TokenID, "text": made.Text})
		http.NewResponseController(w).Flush()
	}
	if info, err := session.Info(); err == nil {
		lines.Encode(map[string]string{"finish_reason": info.FinishReason.String()})
	}
}

func prompt(ctx context.Context, session *peft.Session, asked request) error {
	sampling := peft.NewSamplingOptions()
	sampling.MaxNewTokens, sampling.Temperature, sampling.Seed = asked.MaxNewTokens, asked.Temperature, asked.Seed
	if err := session.SetSampling(sampling); err != nil {
		return err
	}
	switch {
	case len(asked.Messages) > 0:
		return session.PrefillChat(ctx, asked.Messages, nil)
	case len(asked.TokenIDs) > 0:
		return session.Prefill(ctx, asked.TokenIDs, nil)
	}
	return session.PrefillText(ctx, asked.Prompt, nil)
}
