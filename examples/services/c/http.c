#define _GNU_SOURCE /* accept4, strcasestr */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int http_listen(http_server* server, int port) {
  server->connections = 0;
  for (int i = 0; i < HTTP_CLIENTS; ++i) server->clients[i].socket = -1;
  server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (server->listener < 0) return -1;
  const int yes = 1;
  setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)port);
  socklen_t size = sizeof address;
  if (bind(server->listener, (struct sockaddr*)&address, size) < 0 || listen(server->listener, 64) < 0 ||
      getsockname(server->listener, (struct sockaddr*)&address, &size) < 0)
    return -1;
  server->port = ntohs(address.sin_port);
  return 0;
}

int http_slots(const http_server* server, struct pollfd* slots) {
  int count = 0;
  for (int i = 0; i < HTTP_CLIENTS; ++i) {
    const http_client* client = &server->clients[i];
    if (client->socket < 0) continue;
    slots[count].fd = client->socket;
    slots[count].events = client->sent < client->answer_size ? POLLIN | POLLOUT : POLLIN;
    slots[count++].revents = 0;
  }
  if (count < HTTP_CLIENTS) { /* the others wait in the system's queue */
    slots[count].fd = server->listener;
    slots[count].events = POLLIN;
    slots[count++].revents = 0;
  }
  return count;
}

static void leave(http_client* client) {
  close(client->socket);
  client->socket = -1;
}

static void greet(http_server* server) {
  for (int i = 0; i < HTTP_CLIENTS; ++i) {
    http_client* client = &server->clients[i];
    if (client->socket >= 0) continue;
    const int found = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (found < 0) return;
    memset(client, 0, sizeof *client);
    client->socket = found;
    client->number = ++server->connections;
  }
}

static void receive(http_client* client) {
  char* end = client->request + client->request_size;
  char rest[512]; /* where what nobody asked for goes, so that the end of the connection is seen */
  const int more = !client->asked && client->request_size < HTTP_REQUEST;
  const ssize_t got = more ? recv(client->socket, end, HTTP_REQUEST - client->request_size, 0)
                           : recv(client->socket, rest, sizeof rest, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    leave(client);
  } else if (got > 0 && more) {
    client->request_size += (size_t)got;
    end[got] = '\0';
  }
}

static void send_on(http_client* client) {
  while (client->sent < client->answer_size) {
    const ssize_t gone =
        send(client->socket, client->answer + client->sent, client->answer_size - client->sent, MSG_NOSIGNAL);
    if (gone < 0) {
      if (errno != EAGAIN && errno != EINTR) leave(client);
      return;
    }
    client->sent += (size_t)gone;
  }
  if (client->ending) leave(client);
}

void http_serve(http_server* server, const struct pollfd* slots, int count) {
  for (int s = 0; s < count; ++s) {
    if (slots[s].fd == server->listener || !slots[s].revents) continue;
    for (int i = 0; i < HTTP_CLIENTS; ++i)
      if (server->clients[i].socket == slots[s].fd) receive(&server->clients[i]);
  }
  for (int i = 0; i < HTTP_CLIENTS; ++i)
    if (server->clients[i].socket >= 0) send_on(&server->clients[i]);
  for (int s = 0; s < count; ++s)
    if (slots[s].fd == server->listener && slots[s].revents) greet(server);
}

int http_take(http_client* client, http_request* request) {
  if (client->socket < 0 || client->asked) return 0;
  char* head = strstr(client->request, "\r\n\r\n");
  if (!head) {
    if (client->request_size < HTTP_REQUEST) return 0;
    client->asked = 1;
    http_answer(client, "431 Request Header Fields Too Large", "too large\n");
    return 0;
  }
  *head = '\0';
  const char* length = strcasestr(client->request, "\r\nContent-Length:");
  const long size = length ? strtol(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
  char* body = head + 4;
  const size_t there = client->request_size - (size_t)(body - client->request);
  if (size < 0 || size > HTTP_REQUEST - (body - client->request)) {
    client->asked = 1;
    http_answer(client, "413 Content Too Large", "too large\n");
    return 0;
  }
  if (there < (size_t)size) {
    *head = '\r'; /* the rest comes later */
    return 0;
  }
  client->asked = 1;
  body[size] = '\0';
  char* end = strstr(client->request, " HTTP/1.");
  if (!end) {
    http_answer(client, "400 Bad Request", "this is not HTTP\n");
    return 0;
  }
  *end = '\0';
  request->target = client->request;
  request->body = body;
  return 1;
}

void http_begin(http_client* client, const char* status) {
  char head[256];
  const int size = snprintf(head, sizeof head,
                            "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                            "Connection: close\r\n\r\n",
                            status);
  http_add(client, head, (size_t)size);
}

void http_add(http_client* client, const char* text, size_t size) {
  if (size > HTTP_ANSWER - client->answer_size) size = HTTP_ANSWER - client->answer_size;
  memcpy(client->answer + client->answer_size, text, size);
  client->answer_size += size;
}

void http_end(http_client* client) { client->ending = 1; }

void http_answer(http_client* client, const char* status, const char* text) {
  http_begin(client, status);
  http_add(client, text, strlen(text));
  http_end(client);
}

void http_close(http_server* server) {
  for (int i = 0; i < HTTP_CLIENTS; ++i)
    if (server->clients[i].socket >= 0) {
      send_on(&server->clients[i]);
      if (server->clients[i].socket >= 0) leave(&server->clients[i]);
    }
  if (server->listener >= 0) close(server->listener);
}
