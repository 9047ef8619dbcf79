/* The server of the benchmarks: one thread on epoll, one fixed answer, at once or after a delay.
 *
 *   server PORT [DELAY] [COUNTER] [TRUTH]
 *
 *   PORT     0 picks a free one; it is printed as the first line
 *   DELAY    none | fixed:US | uniform:LOW:HIGH | bimodal:US:US:SHARE_OF_SECOND | pareto:US:ALPHA:CAP
 *   COUNTER  file that always holds the number of answers so far, as 8 bytes (mapped, so reading it is free)
 *   TRUTH    file that gets, at SIGTERM, how long each answer really took, 4 bytes of microseconds each:
 *            from the read that completed the request to just before the write of its answer
 *
 * Listens on 127.0.0.1 only, and ends with its parent. Answers keep-alive requests with a Content-Length or
 * without a body.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 4096, CONNECTIONS = 65536, BATCH = 512, TRUTHS = 1 << 26 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
                             "{\"answer\":\"stored\",\"padding\":\"xxxxxxxxxxxxxxxxxx\"}";
static const char ANSWER_10[] = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}";

typedef struct {
    size_t held;
    uint64_t arrived_ns;
    int old_http; /* HTTP/1.0, as ab speaks it: keep-alive has to be said */
    char bytes[BUFFER];
} Connection;

typedef struct {
    uint64_t due_ns;
    int fd;
} Due;

static Connection *connections[CONNECTIONS];
static Due heap[CONNECTIONS];
static size_t waiting;
static volatile uint64_t *counter;
static uint32_t *truths;
static size_t truth_count;
static volatile sig_atomic_t ended;
static uint64_t seed = 0x9e3779b97f4a7c15u;
static char delay_kind = 'n';
static double first, second, third;

static void on_term(int number) { ended = number; }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double uniform01(void) { /* xorshift64*, seeded the same each time */
    seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
    return (double)((seed * 0x2545f4914f6cdd1du) >> 11) / 9007199254740992.0;
}

static uint64_t delay_ns(void) {
    double us = first, dice = uniform01();
    if (delay_kind == 'u') us = first + dice * (second - first);
    if (delay_kind == 'b') us = dice < third ? second : first;
    if (delay_kind == 'p') us = fmin(first / pow(1 - dice, 1 / second), third);
    return (uint64_t)(us * 1000);
}

static void push(Due due) {
    size_t at = waiting++;
    while (at && heap[(at - 1) / 2].due_ns > due.due_ns) heap[at] = heap[(at - 1) / 2], at = (at - 1) / 2;
    heap[at] = due;
}

static Due pop(void) {
    Due top = heap[0], last = heap[--waiting];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < waiting) {
        if (child + 1 < waiting && heap[child + 1].due_ns < heap[child].due_ns) child++;
        if (last.due_ns <= heap[child].due_ns) break;
        heap[at] = heap[child], at = child;
    }
    heap[at] = last;
    return top;
}

static void drop(int fd) {
    close(fd);
    free(connections[fd]);
    connections[fd] = NULL;
}

static void answer(int fd) {
    Connection *c = connections[fd];
    const char *text = c->old_http ? ANSWER_10 : ANSWER;
    size_t length = c->old_http ? sizeof ANSWER_10 - 1 : sizeof ANSWER - 1;
    if (truths && truth_count < TRUTHS) truths[truth_count++] = (uint32_t)((now_ns() - c->arrived_ns) / 1000);
    (*counter)++;
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) drop(fd);
}

/* Length of the first whole request in the buffer, or 0. */
static size_t whole(Connection *c) {
    char *end = memmem(c->bytes, c->held, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->bytes) + 4, body = 0;
    *end = 0;
    char *length = strcasestr(c->bytes, "\r\nContent-Length:");
    char *line = memmem(c->bytes, head, "\r\n", 2);
    if (length) body = strtoul(length + 17, NULL, 10);
    c->old_http = (line ? line : end) - c->bytes >= 8 && !memcmp((line ? line : end) - 8, "HTTP/1.0", 8);
    *end = '\r';
    return head + body <= c->held ? head + body : 0;
}

static void serve(int fd) {
    Connection *c = connections[fd];
    ssize_t got = recv(fd, c->bytes + c->held, BUFFER - c->held, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            for (size_t i = 0; i < waiting; i++)
                if (heap[i].fd == fd) heap[i].fd = -1; /* hung up while its answer was due */
            drop(fd);
        }
        return;
    }
    c->held += (size_t)got;
    size_t used = whole(c);
    if (!used) return;
    memmove(c->bytes, c->bytes + used, c->held -= used);
    if (delay_kind == 'n') {
        if (truths) c->arrived_ns = now_ns();
        answer(fd);
        return;
    }
    c->arrived_ns = now_ns();
    push((Due){c->arrived_ns + delay_ns(), fd});
}

static void accept_all(int listener, int poll) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS || !(connections[fd] = calloc(1, sizeof(Connection)))) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    }
}

static void answer_due(int timer) {
    uint64_t now = now_ns();
    while (waiting && heap[0].due_ns <= now) {
        Due due = pop();
        if (due.fd >= 0) answer(due.fd);
    }
    uint64_t next = waiting ? heap[0].due_ns : 0;
    struct itimerspec when = {.it_value = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void *map_file(const char *path, size_t size) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size)) perror(path), exit(3);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at;
}

static void read_delay(const char *text) {
    char kind[16] = "";
    if (sscanf(text, "%15[a-z]:%lf:%lf:%lf", kind, &first, &second, &third) < 1) exit(2);
    delay_kind = kind[0];
}

int main(int count, char **words) {
    uint64_t own = 0;
    if (count < 2) return 2;
    if (count > 2) read_delay(words[2]);
    counter = count > 3 && *words[3] ? map_file(words[3], sizeof own) : &own;
    if (count > 4) truths = malloc(TRUTHS * sizeof *truths);

    prctl(PR_SET_PDEATHSIG, SIGTERM); /* never outlives who started it */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&at, size) || listen(listener, 16384)) return perror("listen"), 3;
    getsockname(listener, (void *)&at, &size);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);

    struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    int poll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});

    struct epoll_event ready[BATCH];
    while (!ended) {
        int events = epoll_wait(poll, ready, BATCH, -1);
        for (int i = 0; i < events; i++) {
            int fd = ready[i].data.fd;
            uint64_t expirations;
            if (fd == listener) accept_all(listener, poll);
            else if (fd == timer) (void)!read(timer, &expirations, sizeof expirations);
            else if (connections[fd]) serve(fd);
        }
        if (waiting) answer_due(timer);
    }
    if (truths) {
        FILE *file = fopen(words[4], "wb");
        if (!file || fwrite(truths, sizeof *truths, truth_count, file) != truth_count || fclose(file)) return 3;
    }
    return 0;
}
