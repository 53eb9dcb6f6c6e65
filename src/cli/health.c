// Docker's health check: health DELAY_SECONDS COMMAND…. Requests /-/healthy; unless the agent is alive, it replaces
// itself with the command, which finds out and prints the reason (health.ts). In C, since Docker starts it repeatedly,
// and a start of Node takes more CPU than an idle agent.
//
// Swarm's DNS has a task only once it is healthy: a new agent is checked at once, and awaited while it starts. Later
// the check waits for the delay first: Docker counts its interval from the end of a check, so it starts fewer of them.

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { defaultPort = 2137, newSeconds = 5, startSeconds = 15, timeoutSeconds = 5 };
static const useconds_t retryMicroseconds = 50 * 1000;

/** The age of the container's first process, which is the agent. */
static double ageSeconds(void) {
  unsigned long long startTicks = 0;
  struct sysinfo machine;
  FILE *stat = fopen("/proc/1/stat", "r");
  if (!stat || sysinfo(&machine) != 0) return 0;
  // field 22 of proc(5); the second one, the program's name, has no blanks
  for (int field = 1; field < 22; field += 1) fscanf(stat, "%*s");
  return fscanf(stat, "%llu", &startTicks) == 1 ? machine.uptime - (double)startTicks / sysconf(_SC_CLK_TCK) : 0;
}

/** LISTEN_PORT as config.ts reads it: blanks and quotes don't count, empty is unset. */
static int listenPort(void) {
  const char *text = getenv("LISTEN_PORT");
  text += text ? strspn(text, " \t\"'") : 0;
  return text && *text ? atoi(text) : defaultPort;
}

/** As health.ts judges it. To a request without TLS, an agent with TLS sends an alert or closes the connection. */
static int answers(int agent) {
  static const char request[] = "GET /-/healthy HTTP/1.0\r\n\r\n";
  if (send(agent, request, sizeof request - 1, MSG_NOSIGNAL) < 0) return 0;
  char response[sizeof "HTTP/1.1 200"] = "";
  ssize_t length = recv(agent, response, sizeof response - 1, MSG_WAITALL);
  int isTls = length == 0 || (length > 1 && response[0] == 0x15 && response[1] == 3);
  return isTls || (length > 9 && strncmp(response, "HTTP/1.", 7) == 0 && response[9] < '5');
}

static int isAlive(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons(listenPort());
  const struct timeval timeout = {.tv_sec = timeoutSeconds};
  int agent = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(agent, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(agent, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  int isAlive = connect(agent, (struct sockaddr *)&address, sizeof address) == 0 && answers(agent);
  close(agent);
  return isAlive;
}

static int explain(char **command) {
  execv(command[0], command);
  perror(command[0]);
  return 1;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  if (ageSeconds() > newSeconds) sleep(atoi(arguments[1]));
  while (!isAlive()) {
    if (ageSeconds() > startSeconds) return explain(arguments + 2);
    usleep(retryMicroseconds);
  }
  return 0;
}
