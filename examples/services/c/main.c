/*
 * A character that learns while an event loop goes on, in one thread: poll waits for clients and sixty ticks
 * a second; whatever the library has to do is pulled, one step of a training or one piece of an answer a
 * turn.
 *
 *   character MODEL FOLDER [PORT]
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "character.h"
#include "http.h"
#include "turns.h"

static const double tick_seconds = 1.0 / 60;
static volatile sig_atomic_t leaving;
static http_server server;
static character npc;
static turns idle, training;
static long long ticks;

/* An answer that is being given to the client of the same place. */
static struct {
  peft_session* session;
  long client;
} answers[HTTP_CLIENTS];

static void leave(int signal) { leaving = signal; }

static const char* message_of(peft_status status) {
  static char text[512];
  char detail[400] = "";
  peft_last_error(detail, sizeof detail, NULL);
  snprintf(text, sizeof text, "%s %s\n", peft_status_name(status), detail);
  return text;
}

static void tell_status(http_client* client) {
  char text[1024];
  size_t size = (size_t)snprintf(
      text, sizeof text,
      "taught %d\nlearned %d\ntraining %d\nstep %lld of %lld\nloss %.4f\nresumed_from %lld\nticks %lld\n",
      npc.taught, npc.learned, npc.trainer != NULL, npc.step, npc.total_steps, npc.loss, npc.resumed_from,
      ticks);
  size += turns_print(&idle, "without training", text + size, sizeof text - size);
  turns_print(&training, "with training", text + size, sizeof text - size);
  http_answer(client, "200 OK", text);
}

static void teach(http_client* client, const char* body) {
  char word[CHARACTER_WORD], action[CHARACTER_WORD];
  if (sscanf(body, " %79[^ =\r\n] = %79[^\r\n]", word, action) != 2) {
    http_answer(client, "400 Bad Request", "expected: WORD = ACTION\n");
    return;
  }
  const peft_status status = character_teach(&npc, word, action);
  if (status < 0)
    http_answer(client, status == PEFT_E_IO ? "500 Internal Server Error" : "400 Bad Request",
                peft_status_name(status));
  else
    http_answer(client, "202 Accepted", "it will be learned\n");
}

static void say(http_client* client, int place, const char* body) {
  char word[CHARACTER_WORD];
  if (sscanf(body, " %79[^\r\n]", word) != 1) {
    http_answer(client, "400 Bad Request", "expected: WORD\n");
    return;
  }
  const peft_status status = character_ask(&npc, word, &answers[place].session);
  if (status < 0) {
    http_answer(client, "500 Internal Server Error", message_of(status));
    return;
  }
  answers[place].client = client->number;
  http_begin(client, "200 OK");
}

static void hear(http_client* client, int place, const http_request* request) {
  if (!strcmp(request->target, "GET /status"))
    tell_status(client);
  else if (!strcmp(request->target, "POST /teach"))
    teach(client, request->body);
  else if (!strcmp(request->target, "POST /say"))
    say(client, place, request->body);
  else
    http_answer(client, "404 Not Found", "there are GET /status, POST /teach and POST /say\n");
}

/* One piece for everybody who waits for an answer; 1 if somebody does. */
static int speak(void) {
  int speaking = 0;
  for (int i = 0; i < HTTP_CLIENTS; ++i) {
    if (!answers[i].session) continue;
    http_client* client = &server.clients[i];
    const int there = client->socket >= 0 && client->number == answers[i].client;
    char text[256];
    size_t size = 0;
    const peft_status status =
        there ? peft_session_next(answers[i].session, NULL, text, sizeof text, &size) : PEFT_END;
    if (status == PEFT_OK) {
      http_add(client, text, size);
      speaking = 1;
      continue;
    }
    peft_session_free(answers[i].session);
    answers[i].session = NULL;
    if (!there) continue;
    if (status < 0)
      http_add(client, message_of(status), strlen(message_of(status)));
    else
      http_add(client, "\n", 1);
    http_end(client);
  }
  return speaking;
}

static int loop(void) {
  double tick = turns_now();
  int work = 0;
  while (!leaving) {
    struct pollfd slots[HTTP_CLIENTS + 1];
    const int count = http_slots(&server, slots);
    const double until = tick + tick_seconds - turns_now();
    if (poll(slots, (nfds_t)count, work || until <= 0 ? 0 : (int)(1e3 * until) + 1) < 0 && errno != EINTR)
      return 1;
    const double begin = turns_now();
    const int taught = character_is_busy(&npc);
    http_serve(&server, slots, count);
    http_request request;
    for (int i = 0; i < HTTP_CLIENTS; ++i)
      if (http_take(&server.clients[i], &request)) hear(&server.clients[i], i, &request);
    if (begin >= tick + tick_seconds) { /* what a game would do in a frame; late ones are not made up for */
      tick = begin;
      ++ticks;
    }
    work = speak();
    if (character_is_busy(&npc)) {
      const int before = npc.learned;
      const peft_status status = character_study(&npc);
      if (status < 0) {
        fprintf(stderr, "character: %s", message_of(status));
        return 1;
      }
      if (npc.learned > before)
        printf("character: has learned \"%s\" (loss %.3f)\n", npc.lessons[before].word, npc.loss);
      work = 1;
    }
    turns_add(taught ? &training : &idle, turns_now() - begin);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL FOLDER [PORT]\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = leave; /* no SA_RESTART: poll returns */
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  const peft_status status = character_wake(&npc, argv[1], argv[2]);
  if (status < 0) {
    fprintf(stderr, "character: %s", message_of(status));
    return 1;
  }
  if (http_listen(&server, argc > 3 ? atoi(argv[3]) : 8080) < 0) {
    perror("character: listening");
    return 1;
  }
  printf("character: knows %d of %d lessons, listening on http://127.0.0.1:%d\n", npc.learned, npc.taught,
         server.port);
  int failed = loop();
  for (int i = 0; i < HTTP_CLIENTS; ++i) peft_session_free(answers[i].session);
  http_close(&server);
  if (npc.trainer) printf("character: leaves in the middle of a lesson, after step %lld\n", npc.step);
  const peft_status slept = character_sleep(&npc);
  if (slept < 0) fprintf(stderr, "character: %s", message_of(slept));
  char text[512];
  if (turns_print(&idle, "without training", text, sizeof text)) fputs(text, stdout);
  if (turns_print(&training, "with training", text, sizeof text)) fputs(text, stdout);
  return failed || slept < 0;
}
