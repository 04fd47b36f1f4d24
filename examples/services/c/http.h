/*
 * HTTP without blocking: one request a connection, then the answer, piece by piece if need be, then the end.
 */
#ifndef HTTP_H
#define HTTP_H

#include <poll.h>
#include <stddef.h>

enum { HTTP_CLIENTS = 16, HTTP_REQUEST = 4096, HTTP_ANSWER = 16384 };

typedef struct http_client {
  int socket;  /* -1: nobody */
  long number; /* of the connection: a slot is used again */
  int asked;   /* the request has been handed out */
  int ending;  /* no more is added to the answer */
  char request[HTTP_REQUEST + 1];
  size_t request_size;
  char answer[HTTP_ANSWER];
  size_t answer_size, sent;
} http_client;

typedef struct http_server {
  int listener, port;
  long connections;
  http_client clients[HTTP_CLIENTS];
} http_server;

/* What a client wants. Both strings lie in the client's own buffer. */
typedef struct http_request {
  const char* target; /* "POST /say" */
  const char* body;
} http_request;

/* On the loopback interface; port 0: any. 0, or -1 with errno. */
int http_listen(http_server* server, int port);

/* Fills slots for poll, HTTP_CLIENTS + 1 at most; gives their number. */
int http_slots(const http_server* server, struct pollfd* slots);

/* Takes and sends what poll found, without waiting. */
void http_serve(http_server* server, const struct pollfd* slots, int count);

/* 1 and the request once it is complete, and then never again. */
int http_take(http_client* client, http_request* request);

void http_begin(http_client* client, const char* status);
void http_add(http_client* client, const char* text, size_t size);
void http_end(http_client* client);
void http_answer(http_client* client, const char* status, const char* text);
void http_close(http_server* server);

#endif
