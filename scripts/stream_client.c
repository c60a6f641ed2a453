// A client that reads many event streams at a time and costs almost nothing, for measuring a server on the same processors.
//
// Reads bodies of requests from standard input, one a line, and keeps CONCURRENCY of them under way, each on a connection of
// its own. Only looks into an answer for the marks of its events. Prints a line for every answer: the milliseconds from the
// open connection to the first event, the number of events, and whether the answer ended as it should; then a line with the
// seconds in all and the seconds of processor time that this took here.
//
// Run: stream_client PORT CONCURRENCY < BODIES

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// The end of an answer that is kept: the last events, to see how it ended.
enum { TAIL = 2048, MARK = 7 };

struct stream {
  int socket;
  double began, first;
  long events;
  size_t tailLength;
  char tail[TAIL];
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Opens a connection and sends the next body of standard input. Returns 0 if there is none.
static int begin(struct stream *stream, int port) {
  static char *line;
  static size_t room;
  ssize_t length = getline(&line, &room, stdin);
  if (length <= 0) return 0;
  if (line[length - 1] == '\n') length -= 1;
  char *request;
  int count = asprintf(&request,
                       "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zd\r\n\r\n%.*s",
                       length, (int)length, line);
  if (count < 0) fail("memory");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  memset(stream, 0, sizeof *stream);
  stream->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (stream->socket < 0 || connect(stream->socket, (struct sockaddr *)&address, sizeof address)) fail("connect");
  int one = 1;
  setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  stream->began = now();
  for (int sent = 0; sent < count;) {
    ssize_t step = send(stream->socket, request + sent, (size_t)(count - sent), MSG_NOSIGNAL);
    if (step < 0) fail("send");
    sent += (int)step;
  }
  free(request);
  return 1;
}

// Takes what has come. Returns 0 when the answer is over.
static int take(struct stream *stream) {
  static char buffer[TAIL + (1 << 16)];
  ssize_t length = recv(stream->socket, buffer + stream->tailLength, 1 << 16, 0);
  if (length < 0 && errno == EINTR) return 1;
  if (length <= 0) return 0;
  // A mark may be cut in two by the end of a piece, so the search begins within what was kept.
  size_t kept = stream->tailLength < MARK - 1 ? stream->tailLength : MARK - 1;
  memcpy(buffer, stream->tail, stream->tailLength);
  const char *end = buffer + stream->tailLength + length, *place = buffer + stream->tailLength - kept;
  while ((place = memmem(place, (size_t)(end - place), "data: {", MARK))) {
    if (stream->events++ == 0) stream->first = now();
    place += MARK;
  }
  stream->tailLength = (size_t)(end - buffer) < TAIL ? (size_t)(end - buffer) : TAIL;
  memcpy(stream->tail, end - stream->tailLength, stream->tailLength);
  return 1;
}

static void finish(struct stream *stream) {
  int isWhole = memmem(stream->tail, stream->tailLength, "\"finish_reason\":\"length\"", 24) &&
                memmem(stream->tail, stream->tailLength, "data: [DONE]", 12);
  printf("%.4f %ld %d\n", 1000 * (stream->first - stream->began), stream->events, isWhole);
  close(stream->socket);
}

int main(int count, char **arguments) {
  if (count != 3) return fprintf(stderr, "usage: stream_client PORT CONCURRENCY < BODIES\n"), 2;
  int port = atoi(arguments[1]), concurrency = atoi(arguments[2]), open = 0;
  struct stream *streams = calloc((size_t)concurrency, sizeof *streams);
  int queue = epoll_create1(0);
  if (!streams || queue < 0) fail("setup");
  double began = now();
  for (; open < concurrency && begin(&streams[open], port); open++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &streams[open]};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, streams[open].socket, &event)) fail("epoll");
  }
  while (open > 0) {
    struct epoll_event ready[64];
    int readyCount = epoll_wait(queue, ready, 64, 120000);
    if (readyCount == 0 || (readyCount < 0 && errno != EINTR)) fail("nothing has come for two minutes");
    for (int index = 0; index < readyCount; index++) {
      struct stream *stream = ready[index].data.ptr;
      if (take(stream)) continue;
      finish(stream);
      if (!begin(stream, port)) {
        open -= 1;
        continue;
      }
      struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
      if (epoll_ctl(queue, EPOLL_CTL_ADD, stream->socket, &event)) fail("epoll");
    }
  }
  double seconds = now() - began;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%.6f %.6f\n", seconds,
         (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  return 0;
}
