// Docker's health check: health DELAY_SECONDS COMMAND…. Requests /-/healthy; unless the agent is alive, it replaces
// itself with the command, which finds out and prints the reason (health.ts). In C, since Docker starts it repeatedly,
// and a start of Node takes more CPU than an idle agent.
//
// Some time after the agent's start it waits for the delay first: Docker counts its interval from the end of a check,
// so it starts fewer of them. A new agent is checked at once, since Swarm's DNS has a task only once it is healthy.

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { defaultPort = 2137, startSeconds = 30, timeoutSeconds = 5 };

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
static int isAlive(void) {
  struct sockaddr_in agent = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  agent.sin_port = htons(listenPort());
  const struct timeval timeout = {.tv_sec = timeoutSeconds};
  int to = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(to, (struct sockaddr *)&agent, sizeof agent) != 0) return 0;
  static const char request[] = "GET /-/healthy HTTP/1.0\r\n\r\n";
  if (send(to, request, sizeof request - 1, MSG_NOSIGNAL) < 0) return 0;
  char response[sizeof "HTTP/1.1 200"] = "";
  ssize_t length = recv(to, response, sizeof response - 1, MSG_WAITALL);
  int isTls = length == 0 || (length > 1 && response[0] == 0x15 && response[1] == 3);
  return isTls || (length > 9 && strncmp(response, "HTTP/1.", 7) == 0 && response[9] < '5');
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  if (ageSeconds() > startSeconds) sleep(atoi(arguments[1]));
  if (isAlive()) return 0;
  execv(arguments[2], arguments + 2);
  perror(arguments[2]);
  return 1;
}
